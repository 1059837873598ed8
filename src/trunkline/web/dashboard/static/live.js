// Pages that change by themselves. An element with data-live="SECONDS" is taken anew from its own page when calls took
// a step (with data-live-call: that call), SECONDS apart at least; with data-poll="SECONDS" it is also looked at that
// often, for what is no step of a call. With data-live-from="PATH" the page is at PATH, wherever it is shown. The markup
// is the server's own, as on the first visit.
"use strict";

(() => {
  const state = document.getElementById("live-state");
  // The answer to a form stands at an address that can't be asked; such a page names its own.
  const from = document.querySelector("[data-live-from]")?.dataset.liveFrom ?? location.href;
  const parts = () => [...document.querySelectorAll("[data-live]")];
  const AGAIN_MS = 10000;
  // One answer about the calls serves all pages for half a second: a step is asked about after that.
  const SETTLE_MS = 600;
  let source = null;
  let due = false;
  let timer = null;
  let last = 0;
  let wanted = 0;
  let over = false;
  let known = new Date();

  // In UTC, as every other time on the pages.
  const clock = (at) => `${at.toISOString().slice(11, 19)} UTC`;

  function say(words) {
    if (state.textContent !== words) state.textContent = words;
  }

  // What somebody has opened, or is about to press, is not pulled away; the focus stays where it is.
  const busy = (part) => part.querySelector("details[open]") !== null;
  const about = (item) => [item.tagName, item.textContent, item.closest("tr")?.querySelector("a")?.href].join("\n");

  function replace(part, fresh) {
    const held = part.contains(document.activeElement) ? about(document.activeElement) : null;
    part.replaceWith(document.adoptNode(fresh));
    if (held === null) return;
    [...fresh.querySelectorAll("a, button, summary")].find((item) => about(item) === held)?.focus({ preventScroll: true });
  }

  async function refresh() {
    const began = Date.now();
    await renew();
    timer = null;
    if (wanted > began) plan();
  }

  async function renew() {
    if (over) return;
    if (parts().every(busy)) { due = true; return; }
    due = false;
    last = Date.now();
    let answer;
    try {
      answer = await fetch(from, { headers: { Accept: "text/html" }, redirect: "manual" });
    } catch {
      return;
    }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts()) {
      const found = fresh.getElementById(part.id);
      if (found && !busy(part)) replace(part, found);
      else if (found) due = true;
    }
    known = new Date();
  }

  function soon() {
    wanted = Date.now() + SETTLE_MS;
    if (timer === null) plan();
  }

  function plan() {
    const seconds = Math.min(...parts().map((part) => Number(part.dataset.live) || 1));
    timer = setTimeout(refresh, Math.max(wanted, last + seconds * 1000) - Date.now());
  }

  function concerns(calls) {
    if (calls === null) return true;
    return parts().some((part) => !part.dataset.liveCall || calls.includes(part.dataset.liveCall));
  }

  function lost() {
    say(`The connection to the service is lost. This page shows what was known at ${clock(known)}; it is tried again.`);
  }

  function open() {
    if (source !== null || over || document.hidden) return;
    source = new EventSource("/live/events");
    source.addEventListener("node", (event) => {
      say(event.data === "here" ? "" : `The node does not answer. This page shows what was known at ${clock(known)}.`);
    });
    source.addEventListener("calls", (event) => {
      if (concerns(JSON.parse(event.data))) soon();
    });
    source.addEventListener("ended", () => {
      over = true;
      source.close();
      say("You are signed out. Sign in again to see what happens.");
    });
    source.addEventListener("error", () => {
      lost();
      if (source.readyState !== EventSource.CLOSED) return;
      source = null;
      setTimeout(open, AGAIN_MS);
    });
  }

  // A page that nobody looks at holds no connection; it catches up when it is looked at again.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else open();
  });
  document.addEventListener("toggle", () => { if (due) soon(); }, true);

  const polled = parts().map((part) => Number(part.dataset.poll)).filter(Boolean);
  if (polled.length) setInterval(() => { if (!document.hidden) soon(); }, Math.min(...polled) * 1000);
  if (parts().length && window.EventSource) open();
})();

// A link to a message that is folded away unfolds it. Browsers do that by themselves on the way to a new page, some of
// them not within one.
(() => {
  function unfold() {
    const place = location.hash.startsWith("#message-") ? document.getElementById(location.hash.slice(1)) : null;
    const details = place?.closest("details");
    if (!details) return;
    details.open = true;
    place.scrollIntoView({ block: "center" });
    place.focus({ preventScroll: true });
  }
  window.addEventListener("hashchange", unfold);
  for (const link of document.querySelectorAll("a[href^='#message-']")) link.addEventListener("click", () => setTimeout(unfold));
  unfold();
})();
