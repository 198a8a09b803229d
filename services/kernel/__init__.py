"""Words that every service uses: money, refusals, orders, calendars. Pure, standard library only."""
