"""`python -m deploy.dashboards`: write Grafana's files anew."""

from deploy.dashboards.grafana import files

if __name__ == "__main__":
    for file, content in files().items():
        file.write_text(content, encoding="utf-8")
