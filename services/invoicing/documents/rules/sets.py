"""The rule sets by name: each is a folder of the directory that the caller gives."""

UBL = "ubl-2.1"  # the XML schemas
EN16931_UBL = "en16931-ubl-1.3.16"  # the official rules and their edition, recorded with each issued document
STYLESHEET = "EN16931-UBL-validation.xslt"
