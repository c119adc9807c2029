"""``rootwatch warm-up``: seeds the live baseline from past records."""

from __future__ import annotations

import typer

from streams import settings
from streams.backtest.results import progress, summary
from streams.backtest.sources.request import replay_request
from streams.backtest.sources.select_input import read_settings, select_input
from streams.backtest.warm_up import WarmUpSettings, seed
from streams.commands.terminal import replay_options as options  # noqa: TC001  typer reads it
from streams.commands.terminal.options import Config  # noqa: TC001  typer reads it
from streams.commands.terminal.replay_options import cores, say, say_what_rules_need
from streams.errors import UsageError
from streams.topics.catalogue import topic_names
from streams.topics.rights import Right, check_rights


def warm_up(  # noqa: PLR0913  one for each option
    *,
    paths: options.Paths = None,
    topic: options.Topic = None,
    start: options.Start = None,
    end: options.End = None,
    from_offset: options.FromOffset = None,
    to_offset: options.ToOffset = None,
    allow_truncated: options.AllowTruncated = False,
    principal: options.Principal = None,
    member_account: options.MemberAccount = None,
    clock: options.Clock = None,
    rule: options.Rules = None,
    processes: options.Processes = None,
    thorough: options.Thorough = False,
    config: Config = None,
) -> None:
    """Teach the live workers what is known, from files or a topic. Never alerts; a second run changes nothing.

    Use the settings of the workers: principal, member_account and clock must be the same.

    Exit codes: 0 seeded; 1 something could not be read or was not acknowledged; 2 wrong usage.

    Examples:
        rootwatch warm-up archive/
        rootwatch warm-up --topic cloudtrail --from 2026-01-01
    """
    request = replay_request(
        paths or (),
        topic,
        start=start,
        end=end,
        from_offset=from_offset,
        to_offset=to_offset,
        thorough=thorough,
    )
    configured = settings.load(
        config, principal=principal, member_account=member_account, clock=clock, rules=rule or None
    )
    rules = configured.load_rules()
    say_what_rules_need(rules, configured.geoip_database)
    sightings = topic_names(configured).sightings
    if topic == sightings:
        raise UsageError(f"--topic {topic}: the workers read this topic already; there is nothing to seed from it")
    # Without this check, a missing right would end in an error of the library that says nothing.
    check_rights(configured, [Right("topic", sightings, ("Write",))])
    source = select_input(request, configured, processes or cores())
    how_to_read = read_settings(request, source, rules, configured.extract_settings())
    with progress.shown(source) as bar:
        stats, acknowledged = seed(
            source, WarmUpSettings(how_to_read, processes or cores(), configured, sightings), bar
        )
    seeded = f"seeded       {acknowledged:,} sightings to {sightings}"
    for line in (*summary.reading_lines(stats), *summary.taking_lines(stats, rules), seeded):
        say(line)
    if stats.failures or (stats.truncated and not allow_truncated):
        raise typer.Exit(1)
