-- Until when an answer was promised, beside when it came: whether each promise was kept stands for ever.
ALTER TABLE application_decision ADD COLUMN promised_by timestamptz;
