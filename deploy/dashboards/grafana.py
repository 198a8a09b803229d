"""The dashboards as Grafana reads them."""

from pathlib import Path

from grafana_foundation_sdk.builders import common, prometheus, timeseries
from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef, GridPos

from deploy.dashboards.panels import AMOUNT, COUNT, PER_SECOND, SECONDS, SHARE, Dashboard, Panel, dashboards

HERE = Path(__file__).parent
WIDTH, HEIGHT, COLUMNS = 8, 8, 3
UNITS = {AMOUNT: "locale", COUNT: "short", PER_SECOND: "reqps", SECONDS: "s", SHARE: "percentunit"}
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")


def to_json(page: Dashboard) -> str:
    """The file that Grafana is provisioned with; the same bytes each time."""
    builder = (
        grafana.Dashboard(page.title)
        .uid(f"receivables-{page.name}")
        .tags(["receivables"])
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
        .readonly()
        .with_variable(grafana.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for nth, panel in enumerate(page.panels):
        place = GridPos(x=nth % COLUMNS * WIDTH, y=nth // COLUMNS * HEIGHT, w=WIDTH, h=HEIGHT)
        builder = builder.with_panel(_panel(panel).grid_pos(place))
    return JSONEncoder(sort_keys=True, indent=2).encode(builder.build()) + "\n"


def _panel(panel: Panel) -> timeseries.Panel:
    built = timeseries.Panel().title(panel.title).description(panel.why).datasource(SOURCE).unit(UNITS[panel.unit])
    built = built.legend(common.VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST))
    for nth, query in enumerate(panel.queries):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(chr(ord("A") + nth))
        built = built.with_target(target.datasource(SOURCE))
    return built


def files() -> dict[Path, str]:
    """Every file that is written, and what it says."""
    return {HERE / f"{page.name}.json": to_json(page) for page in dashboards()}
