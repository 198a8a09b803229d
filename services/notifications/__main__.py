"""`python -m services.notifications serve|migrate|rebuild|parked|audit|mail-check`."""

from services.chassis.cli import command_line
from services.notifications.mail_check import mail_check
from services.notifications.service import SERVICE

app = command_line(SERVICE)
app.command("mail-check", help="Look whether mail of ours is believed: what a domain says of it in the DNS.")(
    mail_check
)

if __name__ == "__main__":
    app()
