"""What dbt does anew in each run, done once or not at all: tests run it by the hundred,
each on a warehouse of its own.
"""

from __future__ import annotations

from typing import Any

import pytest


def warm_up(patch: pytest.MonkeyPatch) -> None:
    """Let the dbt runs of this process parse the project once (dbt keeps what it parsed
    for one warehouse path only), not write it down as JSON twice a run, and not spell
    out the thousands of debug events of a build that nobody hears.
    """
    import dbt.parser.manifest
    import dbt.task.runnable
    from dbt.adapters.factory import get_adapter
    from dbt.context.query_header import generate_query_header_context
    from dbt.parser.manifest import ManifestLoader
    from dbt_common.events.base_types import EventLevel
    from dbt_common.events.event_manager import EventManager

    parse: Any = ManifestLoader.get_full_manifest
    fire: Any = EventManager.fire_event
    parsed: dict[tuple[str, ...], Any] = {}

    def parse_once(config: Any, **options: Any) -> Any:
        credentials = config.credentials
        key = (config.project_root, credentials.database, str(config.vars.to_dict()))
        if key not in parsed:
            manifest = parse(config, **options)
            parsed[key] = manifest.deepcopy()
            return manifest
        manifest = parsed[key].deepcopy()
        adapter: Any = get_adapter(config)
        adapter.set_macro_resolver(manifest)
        header = generate_query_header_context(adapter.config, manifest)
        adapter.connections.set_query_header(header)
        return manifest

    def fire_what_is_heard(self: Any, event: Any, *rest: Any, **options: Any) -> None:
        if event.level_tag() is not EventLevel.DEBUG or rest or options.get("level"):
            fire(self, event, *rest, **options)

    patch.setattr(ManifestLoader, "get_full_manifest", parse_once)
    patch.setattr(EventManager, "fire_event", fire_what_is_heard)
    for module in (dbt.parser.manifest, dbt.task.runnable):
        patch.setattr(module, "write_manifest", lambda *_, **__: None)
