-- Who placed this version of an order, and the contact for whom: neither decides it (RULES: four eyes). '' of versions from
-- before this was kept.
ALTER TABLE hold ADD COLUMN placed_by text NOT NULL DEFAULT '', ADD COLUMN requested_by text NOT NULL DEFAULT '';
