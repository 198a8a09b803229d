"""`python -m deploy.prometheus`: write the rule files anew."""

from deploy.prometheus.rules import files

if __name__ == "__main__":
    for file, content in files().items():
        file.write_text(content, encoding="utf-8")
