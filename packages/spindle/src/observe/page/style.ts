/**
 * The page's style, light and dark. Blue, yellow and vermilion are distinct for colour-blind
 * readers, and every colour also has a text label.
 */
export const PAGE_STYLE: string = `
:root { color-scheme: light dark; --ground: #f7f7f5; --panel: #fff; --ink: #1b1d21; --quiet: #5a606b; --rule: #e2e3e6; --track: #e9eaee;
  --running: #2a72cf; --queued: #dba514; --backoff: #8a6fc0; --throttled: #b09ad6; --blocked: #cf5a34; --ready: #4c8a83; --failed: #b4232f; --mark: #a31f63; --warn: #fdf3dc; --warn-ink: #6d4c00 }
@media (prefers-color-scheme: dark) { :root { --ground: #131519; --panel: #1b1e24; --ink: #e9ebee; --quiet: #a0a7b3; --rule: #2d3139; --track: #2f343d;
  --running: #5a9df0; --queued: #dcae3c; --backoff: #ab94de; --throttled: #8873bd; --blocked: #e47a52; --ready: #67b3aa; --failed: #ff8088; --mark: #f27ab4; --warn: #33290f; --warn-ink: #f0d48e } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; font-variant-numeric: tabular-nums }
main, #live { max-width: 1160px; margin: 0 auto; padding: 28px 24px }
#live { padding-top: 0 } #live:empty { display: none }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 16px }
h1 { font-size: 26px; line-height: 1.25; margin: 0; overflow-wrap: anywhere }
h2 { font-size: 17px; margin: 0 0 2px }
p { margin: 4px 0; max-width: 88ch }
.quiet, .none { color: var(--quiet); font-size: 13.5px }
.state { font-weight: 600; margin: 0 } .state span { color: var(--quiet); font-weight: 400 }
.state.running::before, .state.done::before, .state.stopped::before, .state.failing::before, .state.failed::before, .state.idle::before { content: ''; display: inline-block; width: 9px; height: 9px; margin-right: 7px; border-radius: 50%; background: var(--ready) }
.state.failing::before, .state.failed::before { background: var(--failed) } .state.stopped::before { background: var(--queued) } .state.running::before { background: var(--running) }
section { background: var(--panel); border: 1px solid var(--rule); border-radius: 12px; padding: 18px 20px; margin-top: 18px; min-width: 0 }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(122px, 1fr)); margin: 16px 0 0; background: var(--panel); border: 1px solid var(--rule); border-radius: 12px; overflow: hidden }
.tiles div { box-shadow: 0 0 0 0.5px var(--rule); padding: 12px 16px; display: flex; flex-direction: column-reverse; justify-content: flex-end }
.tiles dt { color: var(--quiet); font-size: 13px; line-height: 1.35 } .tiles dd { margin: 0; font-size: 23px; font-weight: 600; line-height: 1.3; white-space: nowrap }
.failed { color: var(--failed) } .tiles .failed dd { color: var(--failed) }
.verdict-box { border-left: 5px solid var(--mark) }
.verdict { font-size: 18px; line-height: 1.4; margin: 0 0 6px } .verdict strong { color: var(--mark) }
.warning { background: var(--warn); color: var(--warn-ink); padding: 8px 12px; border-radius: 8px; margin-top: 10px; max-width: none }
.scroll { overflow-x: auto } .graph { margin: 6px -6px 0 } .graph svg { display: block; max-width: 100%; height: auto; margin: 0 auto }
svg text { font: 12px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; fill: var(--ink) }
svg .name { font-size: 13px; font-weight: 600 } svg .note { fill: var(--quiet) }
.box { fill: var(--panel); stroke: var(--rule); stroke-width: 1.5 } .bottleneck .box { stroke: var(--mark); stroke-width: 2.5 }
.flag rect { fill: var(--mark) } .failures rect { fill: var(--failed) } svg .flag text, svg .failures text { fill: var(--panel); font-size: 11px; font-weight: 600 }
.wire { fill: none; stroke: var(--quiet); stroke-width: 1.5 } marker path { fill: var(--quiet) }
rect.track { fill: var(--track) } rect.running { fill: var(--running) } rect.queued { fill: var(--queued) } rect.backoff { fill: var(--backoff) } rect.throttled { fill: var(--throttled) } rect.blocked { fill: var(--blocked) } rect.ready { fill: var(--ready) }
i.running, i.queued, i.backoff, i.throttled, i.blocked, i.track { display: inline-block; background: var(--track) }
i.running { background: var(--running) } i.queued { background: var(--queued) } i.backoff { background: var(--backoff) } i.throttled { background: var(--throttled) } i.blocked { background: var(--blocked) }
.legend { display: block } .legend span { margin-right: 16px; white-space: nowrap } .legend i { width: 11px; height: 11px; border-radius: 3px; margin-right: 6px; vertical-align: -1px }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 20px 36px; margin-top: 10px }
.pair { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 3fr); gap: 4px 36px; padding: 10px 0; align-items: start } .pair + .pair { border-top: 1px solid var(--rule) }
.chart { margin: 0; min-width: 0 } figcaption { font-weight: 600; font-size: 14px; overflow-wrap: anywhere } figcaption .last { float: right; font-weight: 400; color: var(--quiet); font-size: 13px; padding-left: 12px }
.frame { display: grid; grid-template-columns: 58px minmax(0, 1fr); margin-top: 10px } .y { position: relative } .x { position: relative; grid-column: 2; height: 20px }
.y span { position: absolute; right: 8px; transform: translateY(50%); font-size: 12px; color: var(--quiet); white-space: nowrap; line-height: 1 }
.x span { position: absolute; transform: translateX(-50%); font-size: 12px; color: var(--quiet); white-space: nowrap; padding-top: 2px } .x span:first-child { transform: none }
.plot { position: relative; height: 120px; cursor: crosshair } .small .plot { height: 54px } .plot svg { position: absolute; width: 100%; height: 100%; overflow: visible }
.grid line { stroke: var(--rule); vector-effect: non-scaling-stroke }
.area { fill-opacity: 0.22; fill: var(--running) } .line { fill: none; stroke: var(--running); stroke-width: 1.75; vector-effect: non-scaling-stroke; stroke-linejoin: round }
.small .area { fill-opacity: 0.85 } .small .line { display: none } .area.ready { fill: var(--ready) } .area.queued { fill: var(--queued) } .area.backoff { fill: var(--backoff) } .area.throttled { fill: var(--throttled) } .area.blocked { fill: var(--blocked) } .area.failed { fill: var(--failed); fill-opacity: 1 }
.cursor { position: absolute; inset: 0 auto 0 0; width: 0; border-left: 1.5px solid var(--ink); pointer-events: none }
output { position: absolute; bottom: calc(100% + 2px); background: var(--ink); color: var(--panel); font-size: 12.5px; line-height: 1.4; padding: 1px 8px; border-radius: 6px; white-space: nowrap; pointer-events: none; z-index: 1 } output:empty { display: none }
:focus-visible { outline: 2.5px solid var(--running); outline-offset: 3px; border-radius: 4px }
details { font-size: 13px; color: var(--quiet) } summary { cursor: pointer; width: fit-content } details[open] summary { margin-bottom: 4px } details .scroll { max-height: 260px; overflow-y: auto }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; color: var(--ink) } caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
th, td { padding: 6px 10px; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; vertical-align: top } tr:last-child > * { border-bottom: 0 }
thead th { font-weight: 400; color: var(--quiet); vertical-align: bottom; white-space: normal; line-height: 1.3 } th:first-child { text-align: left; padding-left: 0; max-width: 34ch; overflow-wrap: break-word; white-space: normal } tbody th { font-weight: 600 }
th em { color: var(--mark); font-style: normal; font-weight: 600; font-size: 12px; margin-left: 6px }
.bar { display: inline-flex; width: 110px; height: 9px; background: var(--track); vertical-align: 1px } .bar i { height: 9px }
.spread { position: relative; display: inline-block; width: 100%; min-width: 220px; height: 14px; vertical-align: -2px; background: linear-gradient(var(--track), var(--track)) center / 100% 1px no-repeat }
.spread b, .spread i, .spread u { position: absolute; top: 3px; height: 8px; background: var(--running); opacity: 0.45; min-width: 3px } .spread .strong { opacity: 1 } .spread i { top: 0; height: 14px; width: 2.5px; min-width: 0; opacity: 1; background: var(--ink) } .spread u { top: 0; height: 14px; width: 1px; min-width: 0; background: var(--rule); opacity: 1 }
.scale { display: flex; justify-content: space-between; min-width: 220px }
.message { white-space: normal; overflow-wrap: anywhere; display: inline-block; min-width: 16ch; text-align: left } #failures th, #failures td { text-align: left }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 310px), 1fr)); gap: 10px 28px; margin: 8px 0 12px } .facts dt { color: var(--quiet); font-size: 13px } .facts dd { margin: 0 }
@media (max-width: 640px) { main { padding: 16px 12px } section { padding: 14px } .pair { grid-template-columns: minmax(0, 1fr) } figcaption .last { float: none; display: block; padding: 0 } }
@media print { body { background: none } section { break-inside: avoid } details { display: none } }
`
