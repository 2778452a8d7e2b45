// Keeps the page as the simulator is: asks once a second whether anything changed, and replaces what did. Forms are
// sent without leaving the page. Without this script everything works too, with a reload.
"use strict";

const EVERY = 1000;
const known = new Map();
let revision = document.body.dataset.revision;

function remember(root) {
  for (const part of root.querySelectorAll("[data-live]")) known.set(part.id, part.innerHTML);
}

// Messages scroll with what comes, unless somebody reads further up.
function atEnd(part) {
  return part.scrollHeight - part.scrollTop - part.clientHeight < 40;
}

function toEnd(part) {
  if (part.classList.contains("screen")) part.scrollTop = part.scrollHeight;
}

function replacePart(fresh) {
  const part = document.getElementById(fresh.id);
  if (!part || known.get(fresh.id) === fresh.innerHTML) return;
  known.set(fresh.id, fresh.innerHTML);
  const follow = atEnd(part);
  const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  part.className = fresh.className;
  part.replaceChildren(...fresh.cloneNode(true).childNodes);
  if (follow) toEnd(part);
  if (focused) part.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

// New handsets come, hidden ones go; those that stay are left alone, with what is being typed into them.
function arrange(fresh) {
  const list = document.getElementById("phones");
  const wanted = new Set();
  let before = list.firstElementChild;
  for (const card of fresh.querySelectorAll("#phones > .phone")) {
    wanted.add(card.id);
    let mine = document.getElementById(card.id);
    if (!mine) {
      mine = document.importNode(card, true);
      list.insertBefore(mine, before);
      remember(mine);
      toEnd(mine.querySelector(".screen"));
    } else {
      suggest(mine, card);
      const bar = card.querySelector(".bar");
      if (mine.querySelector(".bar").innerHTML !== bar.innerHTML) mine.querySelector(".bar").replaceWith(bar.cloneNode(true));
    }
    before = mine.nextElementSibling;
  }
  for (const card of [...list.children]) if (!wanted.has(card.id)) card.remove();
}

// The last sender is suggested until somebody chooses a number.
function suggest(mine, fresh) {
  const input = mine.querySelector("[name=to]"), offered = fresh.querySelector("[name=to]").getAttribute("value");
  if (input !== document.activeElement && input.value === input.defaultValue) input.value = offered;
  input.defaultValue = offered;
}

function show(html, { all = true } = {}) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  revision = fresh.body.dataset.revision;
  arrange(fresh);
  for (const part of fresh.querySelectorAll("[data-live]")) {
    if (all || part.id !== "error") replacePart(part);
  }
}

async function look() {
  try {
    if (!document.hidden) {
      const answer = await fetch(`/page/live?after=${encodeURIComponent(revision)}`);
      if (answer.status === 200) show(await answer.text(), { all: false });
      live(answer.ok);
    }
  } catch {
    live(false);
  } finally {
    setTimeout(look, EVERY);
  }
}

function live(well) {
  const sign = document.querySelector(".live");
  sign.hidden = false;
  sign.classList.toggle("lost", !well);
  sign.textContent = well ? "live" : "no connection";
}

async function send(form, button) {
  const body = new URLSearchParams(new FormData(form, button));
  let answer;
  try {
    answer = await fetch(form.action, { method: "POST", body });
  } catch {
    live(false);
    return;
  }
  show(await answer.text());
  if (!answer.ok) return;
  const words = form.querySelector("textarea");
  if (words) {
    words.value = "";
    words.focus();
  } else if (form.matches(".add")) {
    form.reset();
    const added = document.getElementById(`handset-${body.get("number").replace(/\D/g, "")}`);
    added?.scrollIntoView({ block: "nearest" });
    added?.querySelector("textarea").focus();
  }
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.target, event.submitter);
});

// Enter sends, Shift+Enter is a new line, as in every messenger.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.matches(".answer textarea")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});

remember(document);
for (const part of document.querySelectorAll(".screen")) toEnd(part);
live(true);
setTimeout(look, EVERY);
