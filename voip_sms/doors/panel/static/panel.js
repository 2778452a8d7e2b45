// What the panel's pages do by themselves while they are open. Every page works without it; nothing here decides
// anything, it fetches what the server made and puts it in its place.
//
//   <form data-live="/url">        posts its fields while somebody types, replaces the parts that come back
//   <div data-events="/url">       server-sent events whose data are parts; data-last: the event that the page knows
//   a part                         an element with an id that takes the place of the one with the same id; unknown
//                                  here, it goes to the end of data-append-to="id", or to the top of data-prepend-to
//                                  (of a whole page only what has data-part is taken)
//   <form data-picking>            rows with <input type=checkbox data-pick>, with Shift from one to another;
//                                  <button data-fetch="/url"> brings the chosen rows as they are now
//   <form data-until="10">         is gone after ten seconds, which its [data-seconds] counts down
//   <div data-refresh="/url">      a part fetched once that countdown is over, or every data-every seconds
//   <time data-ago datetime="…">   "3 minutes ago", kept true        <button data-copy="…" hidden>  to the clipboard
//   <button data-print hidden>     the page on paper

const TYPING = 300; // ms of silence before the server is asked
const RETRY = { first: 1000, most: 60_000 }; // ms until an event stream that broke is opened anew
const BUSY = 15_000; // ms after which a form that led nowhere (a download) may be sent again
const words = document.body.dataset;
const all = (selector, root = document) => root.querySelectorAll(selector);

function say(text) {
  const toast = document.getElementById("toast");
  toast.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { toast.textContent = ""; }, 4000);
}

// --- parts: what the server sends takes its place ------------------------------------------------------------

function nearEnd(box) {
  return box.scrollHeight - box.scrollTop - box.clientHeight < 60;
}

// `gently`: nobody asked for it, so what somebody has opened or stands in is left alone.
function place(part, gently) {
  const mine = document.getElementById(part.id);
  if (mine) {
    if (mine.isEqualNode(part)) return;
    if (gently && (mine.contains(document.activeElement) || mine.querySelector("details[open]"))) return;
    const focused = mine.contains(document.activeElement) ? document.activeElement : null;
    // An announcement is heard only when its element stays and its content changes.
    if (mine.hasAttribute("aria-live")) mine.replaceChildren(...part.childNodes);
    else mine.replaceWith(part);
    if (focused?.id) document.getElementById(focused.id)?.focus();
    return;
  }
  const end = document.getElementById(part.dataset.appendTo), top = document.getElementById(part.dataset.prependTo);
  const follow = end && nearEnd(end);
  end?.append(part);
  top?.prepend(part);
  if (follow) end.scrollTop = end.scrollHeight;
}

function show(html, gently = false) {
  const body = new DOMParser().parseFromString(html, "text/html").body;
  const parts = body.querySelector("main") ? all("[data-part]", body) : body.children;
  for (const part of [...parts]) if (part.id) place(document.adoptNode(part), gently);
  enliven(document);
}

async function fetchParts(url, options = {}) {
  const answer = await fetch(url, { headers: { "X-Parts": "1" }, credentials: "same-origin", ...options });
  if (answer.ok && !answer.redirected) show(await answer.text(), options.gently);
}

// --- forms ---------------------------------------------------------------------------------------------------

function liveForm(form) {
  let timer, asked;
  const ask = async () => {
    asked?.abort();
    asked = new AbortController();
    try {
      await fetchParts(form.dataset.live, { method: "POST", body: new URLSearchParams(new FormData(form)), signal: asked.signal });
    } catch { /* the next letter asks again */ }
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, TYPING); });
}

function release(form) {
  delete form.dataset.sent;
  for (const button of all("[aria-busy]", form)) { button.removeAttribute("aria-busy"); button.removeAttribute("aria-disabled"); }
}

// A second click does nothing until the answer is there; the server knows the form's token besides.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  event.submitter?.setAttribute("aria-busy", "true");
  event.submitter?.setAttribute("aria-disabled", "true");
  setTimeout(() => release(form), BUSY);
});
window.addEventListener("pageshow", () => { for (const form of all("form[data-sent]")) release(form); });

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("textarea")) event.target.form?.requestSubmit();
  if (event.key === "Escape") for (const open of all("details.menu[open], details.confirm[open], details.drawer[open]")) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  for (const open of all("details.menu[open], details.confirm[open], details.drawer[open]")) if (!open.contains(event.target)) open.open = false;
});

// --- rows chosen with Shift ----------------------------------------------------------------------------------

function picking(form) {
  let last = null;
  const boxes = () => [...all("input[data-pick]", form)];
  const every = form.querySelector("input[data-pick-all]");
  const tell = () => {
    const count = boxes().filter((box) => box.checked).length;
    for (const bar of all("[data-picked]", form)) bar.hidden = !count;
    for (const text of all("[data-picked-count]", form)) text.textContent = count ? words.saySelected.replace("{count}", count) : text.dataset.none;
    if (every) { every.checked = count > 0 && count === boxes().length; every.indeterminate = count > 0 && !every.checked; }
  };
  form.addEventListener("click", (event) => {
    let box = event.target.closest("input[data-pick]");
    if (!box && event.shiftKey && event.target.closest("tr")) {
      box = event.target.closest("tr").querySelector("input[data-pick]");
      if (!box) return;
      event.preventDefault();
      getSelection()?.removeAllRanges();
      box.checked = !box.checked;
    }
    if (!box) return;
    const list = boxes(), here = list.indexOf(box), there = list.indexOf(last);
    if (event.shiftKey && there >= 0) for (let at = Math.min(here, there); at <= Math.max(here, there); at++) list[at].checked = box.checked;
    last = box;
    tell();
  });
  for (const button of all("button[data-fetch]", form)) button.addEventListener("click", async (event) => {
    event.preventDefault();
    const chosen = boxes().filter((box) => box.checked).map((box) => box.value);
    try {
      await fetchParts(`${button.dataset.fetch}?${new URLSearchParams(chosen.map((id) => ["id", id]))}`);
      say(words.sayFresh);
    } catch { say(words.sayLost); }
    for (const box of boxes()) box.checked = chosen.includes(box.value);
    tell();
  });
  every?.addEventListener("change", () => { for (const box of boxes()) box.checked = every.checked; tell(); });
  if (every) every.hidden = false;
  tell();
}

// --- events of the server ------------------------------------------------------------------------------------

// A browser opens a broken stream again by itself and says which event it had last; one that was refused (the
// service restarted, the session ended) it gives up, so it is opened anew here, and told by `after`.
function stream(root) {
  let last = root.dataset.last ?? "", wait = RETRY.first, lost = false;
  const state = (broken) => {
    if (broken === lost) return;
    lost = broken;
    for (const light of all(".live")) light.classList.toggle("lost", broken);
    say(broken ? words.sayLost : words.sayBack);
  };
  const open = () => {
    const url = new URL(root.dataset.events, location.href);
    if (last) url.searchParams.set("after", last);
    const source = new EventSource(url);
    source.onopen = () => { wait = RETRY.first; state(false); };
    const take = (event) => { last = event.lastEventId || last; if (event.data) show(event.data); };
    source.onmessage = take;
    source.addEventListener("parts", take);
    source.addEventListener("reload", () => location.reload());
    source.onerror = () => {
      state(true);
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(open, wait * (0.5 + Math.random() / 2));
      wait = Math.min(wait * 2, RETRY.most);
    };
    window.addEventListener("pagehide", () => source.close(), { once: true });
  };
  open();
}

// --- clocks --------------------------------------------------------------------------------------------------

function countdown(element) {
  const end = performance.now() + Number(element.dataset.until) * 1000;
  const timer = setInterval(() => {
    const left = Math.ceil((end - performance.now()) / 1000);
    for (const text of all("[data-seconds]", element)) text.textContent = Math.max(left, 0);
    if (left > 0) return;
    clearInterval(timer);
    element.hidden = true;
    for (const part of all("[data-refresh]")) fetchParts(part.dataset.refresh).catch(() => {});
  }, 250);
}

function refreshing(part) {
  const timer = setInterval(() => {
    if (!part.isConnected) clearInterval(timer);
    else if (!document.hidden) fetchParts(part.dataset.refresh, { gently: true }).catch(() => {});
  }, Math.max(Number(part.dataset.every), 1) * 1000);
}

const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["week", 604_800], ["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "always" });

function tellAges() {
  for (const time of all("time[data-ago]")) {
    const seconds = Math.round((new Date(time.dateTime) - Date.now()) / 1000);
    const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
    const text = relative.format(Math.trunc(seconds / size), unit);
    if (time.textContent !== text) time.textContent = text;
  }
}

// --- everything in its place ---------------------------------------------------------------------------------

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  say(words.sayCopied);
});

const alive = new WeakSet();
function enliven(root) {
  const once = (selector, begin) => { for (const element of all(selector, root)) if (!alive.has(element)) { alive.add(element); begin(element); } };
  once("form[data-live]", liveForm);
  once("form[data-picking]", picking);
  once("[data-events]", stream);
  once("[data-until]", countdown);
  once("[data-refresh][data-every]", refreshing);
  if (navigator.clipboard) once("button[data-copy]", (button) => { button.hidden = false; });
  once("button[data-print]", (button) => { button.hidden = false; button.addEventListener("click", () => print()); });
  tellAges();
}
enliven(document);
for (const box of all("[data-to-end]")) box.scrollTop = box.scrollHeight;
setInterval(tellAges, 20_000);
