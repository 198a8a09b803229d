"""Time zones that somebody can choose: the cities that most people are near, west to east; all others by name are taken too."""

ZONES = (
    "Pacific/Honolulu America/Anchorage America/Los_Angeles America/Denver America/Phoenix America/Mexico_City"
    " America/Chicago America/Bogota America/Lima America/New_York America/Toronto America/Caracas America/Santiago"
    " America/Halifax America/St_Johns America/Sao_Paulo America/Argentina/Buenos_Aires Atlantic/Azores"
    " Atlantic/Reykjavik Europe/London Europe/Dublin Europe/Lisbon Africa/Casablanca Africa/Lagos Europe/Berlin"
    " Europe/Paris Europe/Madrid Europe/Rome Europe/Amsterdam Europe/Brussels Europe/Vienna Europe/Zurich Europe/Prague"
    " Europe/Warsaw Europe/Copenhagen Europe/Oslo Europe/Stockholm Europe/Budapest Africa/Johannesburg Africa/Cairo"
    " Europe/Athens Europe/Bucharest Europe/Sofia Europe/Helsinki Europe/Tallinn Europe/Riga Europe/Vilnius Europe/Kyiv"
    " Asia/Jerusalem Europe/Istanbul Africa/Nairobi Asia/Riyadh Asia/Tehran Asia/Dubai Asia/Karachi Asia/Kolkata Asia/Dhaka"
    " Asia/Bangkok Asia/Jakarta Asia/Ho_Chi_Minh Asia/Shanghai Asia/Hong_Kong Asia/Taipei Asia/Singapore Asia/Manila"
    " Australia/Perth Asia/Seoul Asia/Tokyo Australia/Adelaide Australia/Brisbane Australia/Sydney Pacific/Auckland"
).split()
# Hours that quiet hours can begin and end at.
HOURS = tuple(f"{hour:02}:00" for hour in range(24))
TOPICS = ("ORDERS", "INVOICES", "PAYMENTS", "DISPUTES", "CREDIT")
PACES = ("AT_ONCE", "DIGEST", "NOTHING")
