-- To whom somebody handed over who left; '' for nobody.
ALTER TABLE contact ADD COLUMN successor text NOT NULL DEFAULT '';
