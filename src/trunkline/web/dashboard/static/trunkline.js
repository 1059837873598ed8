// What pages can do besides when scripts run. Every page works without them. A part of a page is given behaviour by
// its data attributes; nothing here writes markup from text.
"use strict";

// data-copy="ID": copies the text of that element.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  const words = button.textContent;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Can't copy";
    }
    setTimeout(() => { button.textContent = words; }, 2000);
  });
}

// data-busy="words": a form that takes long says so, and can't be sent twice.
for (const button of document.querySelectorAll("[data-busy]")) {
  button.form.addEventListener("submit", () => {
    button.textContent = button.dataset.busy;
    button.disabled = true;
  });
}

// data-editor="PATH": a forwarding list whose rows are moved here, and checked by PATH while somebody types.
function editor(form) {
  const list = form.querySelector("[data-rows]");
  const told = form.querySelector("[data-told]");
  const line = form.parentElement.querySelector("textarea[name=list]");
  let asked = 0;
  let timer;

  const rows = () => [...list.querySelectorAll("[data-row]")];

  function number() {
    rows().forEach((row, at) => {
      row.draggable = true;
      row.querySelector("[data-place]").textContent = at + 1;
      const said = row.querySelector("[data-said]");
      said.id = `said-${at}`;
      row.querySelector("[name=uri]").setAttribute("aria-describedby", said.id);
      const names = { up: `Move endpoint ${at + 1} up`, down: `Move endpoint ${at + 1} down`, drop: `Remove endpoint ${at + 1}` };
      for (const button of row.querySelectorAll("[name=do]")) {
        const action = button.value.split(" ")[0];
        button.value = `${action} ${at}`;
        button.setAttribute("aria-label", names[action]);
      }
    });
  }

  function fill(row, cells) {
    for (const [name, value] of Object.entries(cells)) row.querySelector(`[name=${name}]`).value = value;
  }

  function add(cells = {}) {
    const made = form.querySelector("[data-template]").content.firstElementChild.cloneNode(true);
    fill(made, cells);
    list.append(made);
    number();
    return made;
  }

  function say(place, kind, words) {
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = words;
    place.append(span);
  }

  function show(answer) {
    for (const row of rows()) {
      row.querySelector("[data-said]").replaceChildren();
      row.querySelector("[name=uri]").removeAttribute("aria-invalid");
    }
    const all = form.querySelector("[data-said-all]");
    all.replaceChildren();
    for (const [kind, items] of [["wrong", answer.errors], ["doubtful", answer.warnings]]) {
      for (const { row, said } of items) {
        const where = rows()[row];
        say(where ? where.querySelector("[data-said]") : all, kind, said);
        if (where && kind === "wrong") where.querySelector("[name=uri]").setAttribute("aria-invalid", "true");
      }
    }
    if (line && document.activeElement !== line) line.value = answer.text;
  }

  async function check() {
    // Or the check that typing has set off would make this one's answer an old one.
    clearTimeout(timer);
    const mine = ++asked;
    const fields = new URLSearchParams(new FormData(form));
    try {
      const answer = await fetch(form.dataset.editor, { method: "POST", body: fields, headers: { Accept: "application/json" } });
      if (!answer.ok || mine !== asked) return null;
      const judged = await answer.json();
      show(judged);
      return judged;
    } catch {
      return null;
    }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(check, 300);
  }

  function move(row, step) {
    const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    if (step < 0) other.before(row); else other.after(row);
    number();
    told.textContent = `Endpoint moved to place ${rows().indexOf(row) + 1} of ${rows().length}`;
    soon();
  }

  function drop(row) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    (next ?? add()).querySelector("[name=uri]").focus();
    number();
    told.textContent = "Endpoint removed";
    soon();
  }

  form.addEventListener("click", (event) => {
    const button = event.target.closest("[name=do]");
    if (!button) return;
    event.preventDefault();
    const row = button.closest("[data-row]");
    const action = button.value.split(" ")[0];
    if (action === "add") add().querySelector("[name=uri]").focus();
    else if (action === "drop") drop(row);
    else {
      move(row, action === "up" ? -1 : 1);
      button.focus();
    }
  });

  form.addEventListener("keydown", (event) => {
    const row = event.target.closest("[data-row]");
    if (!row || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const held = event.target;
    move(row, event.key === "ArrowUp" ? -1 : 1);
    held.focus();
  });

  form.addEventListener("input", soon);

  // A pasted list becomes rows, once the server has read it.
  form.addEventListener("paste", (event) => {
    if (event.target.name !== "uri") return;
    setTimeout(async () => {
      const row = event.target.closest("[data-row]");
      if (!event.target.value.includes(",") && !event.target.value.includes(";")) return;
      const judged = await check();
      if (!judged || judged.endpoints === null) return;
      while (rows().length < judged.rows.length) add();
      rows().slice(judged.rows.length).forEach((extra) => extra.remove());
      rows().forEach((each, at) => fill(each, judged.rows[at]));
      told.textContent = `${judged.rows.length} endpoints read from the list`;
      (row.isConnected ? row : rows()[0]).querySelector("[name=uri]").focus();
      check();
    });
  });

  // Dragging by the number of a row; fields keep their own selection by mouse.
  let dragged = null;
  list.addEventListener("mousedown", (event) => {
    for (const row of rows()) row.draggable = !event.target.closest("input, select, button");
  });
  list.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("[data-row]");
    dragged.classList.add("dragged");
    event.dataTransfer.effectAllowed = "move";
  });
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("[data-row]");
    if (!dragged || !over) return;
    event.preventDefault();
    const place = dragged.compareDocumentPosition(over);
    if (place & Node.DOCUMENT_POSITION_PRECEDING) over.before(dragged);
    else if (place & Node.DOCUMENT_POSITION_FOLLOWING) over.after(dragged);
  });
  list.addEventListener("dragend", () => {
    dragged?.classList.remove("dragged");
    dragged = null;
    number();
    soon();
  });

  number();
}
document.querySelectorAll("[data-editor]").forEach(editor);
