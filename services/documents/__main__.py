"""`python -m services.documents`: invoices from anybody, shown, judged and converted, without any server."""

from services.documents.cli import app

if __name__ == "__main__":  # the judges' processes import this module too
    app(prog_name="invoice")
