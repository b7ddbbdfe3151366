// SPDX-License-Identifier: Apache-2.0
// The fixed parts of the HTML report: how it looks, and the one thing that it does (copying a command). Nothing is loaded
// from anywhere.
#pragma once

namespace rlx::conform {

inline constexpr char kPageStyle[] = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6470; --line: #d8dde3; --page: #ffffff; --card: #f6f8fa; --good: #1a7f37;
  --good-bg: #d2f4da; --bad: #b42318; --bad-bg: #fddcd8; --warn: #8a5a00; --warn-bg: #fdefc7; --none-bg: #eceff2; --link: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa4b0; --line: #343b44; --page: #14171b; --card: #1c2026; --good: #56d37b;
  --good-bg: #163d22; --bad: #ff8a7a; --bad-bg: #521a15; --warn: #f2c14e; --warn-bg: #463508; --none-bg: #262b32; --link: #7ab7f5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.45rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
p { margin: .4rem 0; } .soft { color: var(--soft); } .small { font-size: .87rem; }
code, pre, .mono { font: .86rem/1.45 ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.verdict { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: center; border: 1px solid var(--line); border-left: .5rem solid var(--soft);
  border-radius: .5rem; padding: 1rem 1.25rem; margin: 1rem 0; background: var(--card); }
.verdict.good { border-left-color: var(--good); } .verdict.bad { border-left-color: var(--bad); } .verdict.warn { border-left-color: var(--warn); }
.verdict b { font-size: 1.3rem; }
.levels { display: flex; gap: .35rem; flex-wrap: wrap; } .levels span { padding: .2rem .6rem; border-radius: 1rem; background: var(--none-bg);
  color: var(--soft); font-size: .87rem; white-space: nowrap; }
.levels .good { background: var(--good-bg); color: var(--good); } .levels .bad { background: var(--bad-bg); color: var(--bad); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; } th { text-align: left; font-weight: 600; color: var(--soft); }
th, td { padding: .28rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child code { white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
table.matrix td { text-align: center; padding: .18rem .3rem; min-width: 3.1rem; border: 2px solid var(--page); border-radius: .3rem;
  font-variant-numeric: tabular-nums; font-size: .8rem; }
table.matrix th { padding: .18rem .5rem; border: 0; white-space: nowrap; } table.matrix thead th { text-align: center; }
.good-cell { background: var(--good-bg); color: var(--good); } .bad-cell { background: var(--bad-bg); color: var(--bad); font-weight: 600; }
.warn-cell { background: var(--warn-bg); color: var(--warn); } .none-cell { color: var(--line); }
.tag { display: inline-block; white-space: nowrap; padding: 0 .45rem; border-radius: .3rem; font-size: .78rem; font-weight: 600; background: var(--none-bg); color: var(--soft); }
.tag.bad { background: var(--bad-bg); color: var(--bad); } .tag.good { background: var(--good-bg); color: var(--good); }
.tag.warn { background: var(--warn-bg); color: var(--warn); }
.fail { border: 1px solid var(--line); border-radius: .5rem; margin: .6rem 0; background: var(--card); }
.fail summary { cursor: pointer; padding: .55rem .9rem; } .fail .in { padding: 0 .9rem .8rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .3rem 0; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
dd + .next, dd + .next + dd { margin-top: .5rem; }
pre { background: var(--page); border: 1px solid var(--line); border-radius: .35rem; padding: .5rem .7rem; margin: .4rem 0; overflow-x: auto; }
.replay { display: flex; gap: .5rem; align-items: start; } .replay code { flex: 1; user-select: all; background: var(--page); border: 1px solid var(--line);
  border-radius: .35rem; padding: .35rem .6rem; }
button { font: inherit; font-size: .85rem; padding: .3rem .7rem; border: 1px solid var(--line); border-radius: .35rem; background: var(--page);
  color: var(--link); cursor: pointer; }
@media print { .fail { break-inside: avoid; } button { display: none; } }
)";

inline constexpr char kPageScript[] = R"(
document.addEventListener('click', async (event) => {
  const button = event.target.closest('button[data-copy]');
  if (!button) return;
  const code = button.parentElement.querySelector('code');
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch (refused) {
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    document.execCommand('copy');
  }
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = 'Copy'; }, 1500);
});
)";

}  // namespace rlx::conform
