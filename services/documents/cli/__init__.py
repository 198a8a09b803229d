"""The command line for anybody's invoices: show, validate, convert. Exit codes: 0 yes, 1 no, 2 it could not be asked."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from services.documents.cli import converting, files, showing, validating
from services.documents.cli.files import CannotReadError
from services.documents.formats import facturx
from services.documents.model import schema as model_schema
from services.kernel.refusals import Refusal

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Show, judge and convert invoices: UBL, CII, PDF, JSON; EN 16931, Peppol, XRechnung, Factur-X.",
)
NO, NOT_ASKED = 1, 2

File = Annotated[Path, typer.Argument(help="the invoice; its format is known by its content")]
Files = Annotated[list[Path], typer.Argument(help="invoices, or folders of them")]


@app.command(help="Show an invoice as a page in the terminal.")
def show(file: File) -> None:
    try:
        showing.show(file)
    except CannotReadError as error:
        _end(str(error), NOT_ASKED)
    except Refusal as refusal:
        _end(f"{file}: {refusal.message} ({refusal.code})", NO)


@app.command(help="Judge invoices by the official rules: XSD, EN 16931, and the profile that each claims.")
def validate(
    files: Files,
    *,
    rules: Annotated[
        Path, typer.Option(envvar="AR_RULES_DIR", help="where the official rule files are (deploy.local.rules)")
    ] = Path(".cache/rules"),
    profile: Annotated[str | None, typer.Option(help="judge as this profile, whatever the invoice claims")] = None,
    rules_only: Annotated[bool, typer.Option("--rules-only", help="without the XSD: a fragment")] = False,
    exact: Annotated[bool, typer.Option("--exact", help="also by our own rules, which leave no slack")] = False,
    warnings: Annotated[bool, typer.Option("--warnings", help="show warnings too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="the verdicts as JSON on standard output")] = False,
    junit: Annotated[Path | None, typer.Option(help="write the verdicts as JUnit XML into this file")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="judges side by side; 0.3 GB each")] = validating.JOBS,
) -> None:
    asked = validating.Asked(
        rules,
        profile=profile,
        fragments=rules_only,
        exact=exact,
        warnings=warnings,
        as_json=as_json,
        junit=junit,
        jobs=jobs,
    )
    try:
        verdicts = validating.validate(files, asked)
    except (CannotReadError, FileNotFoundError) as error:
        _end(str(error), NOT_ASKED)
    except Refusal as refusal:
        _end(f"{refusal.message} ({refusal.code})", NOT_ASKED)
    if any(verdict.was_not_read for verdict in verdicts):
        raise typer.Exit(NOT_ASKED)
    if not all(verdict.is_valid for verdict in verdicts):
        raise typer.Exit(NO)


@app.command(help="Convert an invoice; each value that the target cannot hold is listed by its BT number.")
def convert(
    file: File,
    *,
    to: Annotated[str, typer.Option(help="ubl, cii, facturx (PDF), json or csv")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="the file to write; else standard output")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="in this profile's name: peppol, xrechnung …")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="write nothing if a value would be lost")] = False,
    language: Annotated[
        str | None, typer.Option(help="of a PDF: en, de, fr or sv; else by the buyer's country")
    ] = None,
    logo: Annotated[Path | None, typer.Option(help="of a PDF: an SVG")] = None,
    fonts: Annotated[
        Path,
        typer.Option(envvar="AR_FONTS_DIR", help="of a PDF: a folder of fonts, for names in Chinese, Japanese, Korean"),
    ] = Path(".cache/rules/fonts"),
) -> None:
    try:
        page = facturx.Page(
            language=language,
            logo=None if logo is None else files.load(logo),
            fonts=(fonts,) if fonts.is_dir() else (),
        )
        is_written = converting.convert(file, to, output, profile=profile, strict=strict, page=page)
    except CannotReadError as error:
        _end(str(error), NOT_ASKED)
    except Refusal as refusal:
        _end(f"{file}: {refusal.message} ({refusal.code})", NO)
    if not is_written:
        raise typer.Exit(NO)


@app.command(help="Print the JSON Schema of our own JSON.")
def schema() -> None:
    sys.stdout.write(model_schema.text())


def _end(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise typer.Exit(code)
