#include "mocks/explore/report_page.h"

namespace cleanfork::explore {

// Colours are never alone: each cell has its letter, each mark its word.
const char kPageStyle[] = R"css(
:root {
  color-scheme: light dark;
  --ground: #fdfdfc; --panel: #f4f5f6; --ink: #1c2129; --soft: #57606c; --line: #dcdfe4;
  --lane: #c3c9d1; --accent: #34557a;
  --violation: #fbe1e2; --violation-ink: #8c1a22;
  --handled: #dceaf7; --handled-ink: #174a75;
  --retried: #ddf0e2; --retried-ink: #1a5931;
  --caution: #fbefd0; --caution-ink: #6b4a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --panel: #1c2026; --ink: #e3e6ea; --soft: #9ba5b2; --line: #2d333c;
    --lane: #444c57; --accent: #9dbfe4;
    --violation: #4b1d22; --violation-ink: #ffb9bd;
    --handled: #17344e; --handled-ink: #b0d6f8;
    --retried: #173a26; --retried-ink: #abe2bd;
    --caution: #41330f; --caution-ink: #f6d98c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
}
main { max-width: 76rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
code, pre, .mono {
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
}
code, pre, .mono { font-size: .86em; }
h1 {
  font-size: 1.9rem; line-height: 1.2; font-weight: 650; margin: .1rem 0 .9rem;
  overflow-wrap: anywhere;
}
h2 { font-size: 1.12rem; font-weight: 650; margin: 3rem 0 .35rem; }
p { margin: .4rem 0; max-width: 46rem; }
.kicker, .note { color: var(--soft); font-size: .9rem; }
.badge {
  display: inline-block; padding: .1rem .65rem; margin-right: .4rem; border-radius: 1rem;
  font-weight: 600; white-space: nowrap;
}
.failed { background: var(--violation); color: var(--violation-ink); }
.exhausted { background: var(--retried); color: var(--retried-ink); }
.truncated { background: var(--caution); color: var(--caution-ink); }
.plan { display: flex; gap: .6rem; align-items: stretch; margin: 1rem 0; }
.plan pre, details pre {
  flex: 1; min-width: 0; margin: 0; padding: .7rem .9rem; background: var(--panel);
  border: 1px solid var(--line); border-radius: .5rem; overflow-x: auto; user-select: all;
}
button {
  font: inherit; font-size: .9rem; color: var(--accent); background: var(--panel); cursor: pointer;
  border: 1px solid var(--line); border-radius: .5rem; padding: 0 1rem;
}
button:hover { border-color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
summary { cursor: pointer; color: var(--accent); }
details { margin: .8rem 0; }
details pre { margin-top: .5rem; }
dl.figures { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; margin: .8rem 0 0; }
dl.figures dt { color: var(--soft); font-size: .85rem; }
dl.figures dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; margin-top: .9rem; }
table { border-collapse: separate; border-spacing: 0; font-size: .88rem; }
th { text-align: left; font-weight: 600; }
table.plain th, table.plain td {
  padding: .22rem 1.6rem .22rem 0; border-bottom: 1px solid var(--line);
}
table.plain td { font-variant-numeric: tabular-nums; }
table.plain th[scope=row] { font-weight: 400; }
.matrix { border-spacing: 2px; }
.matrix th { padding: .2rem .7rem .2rem 0; white-space: nowrap; }
.matrix thead th { font-size: .78rem; padding: .2rem .35rem; vertical-align: bottom; }
.matrix tbody th { font-weight: 400; }
.matrix .process th { font-weight: 650; padding-top: .9rem; }
.matrix td {
  min-width: 3.4rem; padding: .18rem .4rem; text-align: center; border-radius: .3rem;
}
.matrix td b { font-weight: 700; }
.matrix td.also { text-align: left; color: var(--soft); font-size: .78rem; min-width: 14rem; }
.count { font-size: .78rem; opacity: .85; font-variant-numeric: tabular-nums; }
.violation {
  background: var(--violation); color: var(--violation-ink); outline: 2px solid currentColor;
}
.handled { background: var(--handled); color: var(--handled-ink); }
.retried { background: var(--retried); color: var(--retried-ink); }
.never { color: var(--soft); border: 1px dashed var(--line); }
.legend {
  display: flex; flex-wrap: wrap; gap: .4rem 1.6rem; padding: 0; margin: .7rem 0 0;
  list-style: none; font-size: .88rem;
}
.legend span {
  display: inline-block; min-width: 1.7rem; text-align: center; border-radius: .3rem;
  font-weight: 700; margin-right: .35rem;
}
.chart { min-width: 100%; }
.chart thead th {
  position: sticky; top: 0; background: var(--ground); padding: .4rem .8rem;
  text-align: center; border-bottom: 1px solid var(--line);
}
.chart thead small { display: block; color: var(--soft); font-weight: 400; }
.chart tbody th {
  width: 3.2rem; color: var(--soft); font-weight: 400; font-size: .75rem;
  padding-right: .8rem; text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums;
}
.chart td { position: relative; padding: .14rem 1.3rem; text-align: center; min-width: 13rem; }
.chart td.alive::before {
  content: ""; position: absolute; left: 50%; top: 0; bottom: 0;
  border-left: 2px solid var(--lane);
}
.chart td.born::before { top: 50%; }
.chart td.ends::before { bottom: 50%; }
.chart td.wire::after {
  content: ""; position: absolute; top: 50%; border-top: 2px solid var(--accent); left: 0;
  right: 0;
}
.chart td.from-right::after, .chart td.to-left::after { left: 50%; }
.chart td.from-left::after, .chart td.to-right::after { right: 50%; }
.step {
  position: relative; z-index: 1; display: inline-block; max-width: 34rem;
  padding: .06rem .6rem; border-radius: .4rem; background: var(--panel);
  border: 1px solid var(--line); overflow-wrap: anywhere; text-align: left;
}
.step.failed-call { border-color: currentColor; }
.step.fault, .step.signal {
  background: var(--violation); color: var(--violation-ink); border: 2px solid currentColor;
}
.step.switch {
  background: var(--caution); color: var(--caution-ink); border-style: dashed;
  border-color: currentColor;
}
.step.end, .step.exit, .step.handler { font-style: italic; }
.step details { margin: 0; }
.step ol { margin: .3rem 0; padding-left: 1.6rem; }
.mark { font-weight: 700; white-space: nowrap; }
.tip {
  position: relative; z-index: 1; display: inline-block; padding: 0 .5rem;
  background: var(--ground); color: var(--accent); border-radius: .4rem; font-size: .82rem;
  font-weight: 600;
}
.in-handler .step { border-left: 4px solid var(--accent); }
.sr {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap;
}
footer { margin-top: 3.5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
@media print { .scroll { overflow: visible; } button { display: none; } }
)css";

// Without a clipboard (not every browser gives one to a file) the plan is selected instead.
const char kPageScript[] = R"js(
(function () {
  var button = document.getElementById("copy");
  var plan = document.getElementById("plan");
  if (!button || !plan) return;
  function select() {
    var range = document.createRange();
    range.selectNodeContents(plan);
    var selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    button.textContent = "Selected";
  }
  button.hidden = false;
  button.addEventListener("click", function () {
    if (!navigator.clipboard) return select();
    navigator.clipboard.writeText(plan.textContent).then(function () {
      button.textContent = "Copied";
    }, select);
  });
})();
)js";

}  // namespace cleanfork::explore
