// What moves in the sandbox's Slack client. Pages and every piece of HTML come from the server, escaped;
// this script sends what people do, asks for the parts again when the world changes, and opens menus.
"use strict";

const page = document.body.dataset;
const byId = (id) => document.getElementById(id);
const modal = byId("modal");
const main = byId("main");

// Talking to the server

async function send(action, given = {}) {
  const answer = await fetch(`${page.path}/do`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ do: action, ...given }),
  }).then((r) => (r.ok ? r.json() : { error: "The sandbox refused this." }), () => ({ error: "The sandbox does not answer." }));
  if (answer.error) toast(answer.error);
  return answer;
}

let toastTimer;
function toast(sentence) {
  const place = byId("toast");
  place.textContent = sentence;
  place.classList.add("shown");
  // A dialog lies above everything else, so the sentence moves into it.
  (document.querySelector("dialog[open]") || document.body).append(place);
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => place.classList.remove("shown"), 6000);
}

// One tab of the browser waits for changes and tells the others, which wait for its place. A browser opens
// six connections to a server at most, so eight waiting tabs would leave none for what people do.

const tabs = new BroadcastChannel("slack");
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

function follow() {
  catchUp();
  navigator.locks.request("slack-changes", async () => {
    for (let known = -1; ; ) {
      try {
        const answer = await fetch(`/client-changes?version=${known}`);
        ({ version: known } = await answer.json());
        tabs.postMessage({ version: known });
        noticed(known);
      } catch {
        await pause(1000);
      }
    }
  });
}

function noticed(version) {
  if (String(version) !== page.version) catchUp();
}

// A change while the parts are on their way needs one more look, not one for each change.
let looking = false;
let again = false;

async function catchUp() {
  again = true;
  if (looking) return;
  looking = true;
  while (again) {
    again = false;
    try {
      const answer = await fetch(`${page.path}/parts?version=${page.version}`);
      if (answer.status === 404) return location.assign(page.path.split("/").slice(0, 4).join("/"));
      const { version, parts } = await answer.json();
      if (parts) show(parts);
      page.version = String(version);
    } catch {
      await pause(1000);
      again = true;
    }
  }
  looking = false;
}

// What a person just did, until the next picture of the world shows it.
let spoke = false;
let submitted = false;

function show(parts) {
  const scroll = () => main.querySelector(".messages");
  const before = scroll();
  const atEnd = !before || before.scrollHeight - before.scrollTop - before.clientHeight < 80;
  patch(byId("sidebar"), parts.sidebar);
  patch(main, parts.main);
  if ((atEnd || spoke) && scroll()) scroll().scrollTop = scroll().scrollHeight;
  showModal(parts.modal);
  spoke = false;
}

function showModal(html) {
  const shown = modal.querySelector(".view")?.dataset.view;
  patch(modal, html);
  const now = modal.querySelector(".view")?.dataset.view;
  if (!now) return modal.open && modal.close();
  if (!modal.open) modal.showModal();
  if (shown !== now) {
    submitted = false;
    (modal.querySelector("[autofocus]") || byId("modal-title")).focus();
  }
  const faulty = submitted && modal.querySelector(".faulty .element :is(input:not([type=hidden]), textarea)");
  if (faulty) {
    submitted = false;
    faulty.focus();
  }
  modal.querySelectorAll(".el-plain_text_input").forEach(count);
}

// Changing only what changed: what a person typed or opened stays. `data-own` marks pieces this script
// looks after; they are replaced only when the app drew something else there.

function patch(place, html) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  patchChildren(place, fresh.content);
}

const keyOf = (node) => node.nodeType === 1 ? node.dataset.key : undefined;

function patchChildren(old, fresh) {
  const keyed = new Map([...old.children].filter(keyOf).map((n) => [keyOf(n), n]));
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const key = keyOf(wanted);
    let found = key ? keyed.get(key) : at && !keyOf(at) ? at : null;
    if (found && found.nodeName !== wanted.nodeName) found = null;
    if (!found) {
      old.insertBefore(wanted, at);
      continue;
    }
    if (found === at) at = at.nextSibling;
    else old.insertBefore(found, at);
    patchNode(found, wanted);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function patchNode(old, fresh) {
  if (old.nodeType !== 1) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if (old.isEqualNode(fresh) || (fresh.dataset.own && old.dataset.own === fresh.dataset.own)) return;
  if (old.dataset.own !== fresh.dataset.own) return old.replaceWith(fresh);
  // Whether a piece is folded is the reader's.
  const theirs = (name) => name === "open" && old.matches("details");
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !theirs(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !theirs(name)) old.setAttribute(name, value);
  }
  patchChildren(old, fresh);
}

// Blocks: pressing, choosing, submitting

const targetOf = (node) => node.closest("[data-target]").dataset.target;

function valueOf(element) {
  const found = [...element.querySelectorAll(".v")]
    .filter((v) => !["checkbox", "radio"].includes(v.type) || v.checked)
    .map((v) => v.value);
  return "many" in element.dataset ? found : found[0] ?? "";
}

function valuesOf(node) {
  const values = {};
  for (const element of node.closest("[data-target]").querySelectorAll(".element")) {
    const { type, block, action } = element.dataset;
    if (type === "button" || type === "overflow") continue;
    (values[block] ??= {})[action] = valueOf(element);
  }
  return values;
}

async function press(element, value) {
  element.setAttribute("aria-busy", "true");
  await send("press", {
    target: targetOf(element),
    block_id: element.dataset.block,
    action_id: element.dataset.action,
    value,
    values: valuesOf(element),
  });
  element.removeAttribute("aria-busy");
}

function confirmed(element) {
  const asked = element.querySelector("template.confirm");
  if (!asked) return Promise.resolve(true);
  const dialog = byId("confirm");
  dialog.replaceChildren(asked.content.cloneNode(true));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) =>
    dialog.addEventListener("close", () => done(dialog.returnValue === "confirm"), { once: true }),
  );
}

async function changed(element, undo) {
  if (!("dispatch" in element.dataset)) return;
  if (await confirmed(element)) await press(element, valueOf(element));
  else undo?.();
}

document.addEventListener("click", async (event) => {
  const hit = (selector) => event.target.closest(selector);
  const pressed = hit("[data-press]");
  if (pressed) {
    const element = pressed.closest(".element");
    const asks = element.querySelector("template.confirm");
    if (asks) event.preventDefault();
    closeMenus();
    if (asks && !(await confirmed(element))) return;
    if (asks && pressed.href) window.open(pressed.href, "_blank", "noopener");
    return press(element, pressed.dataset.press || null);
  }
  const shortcut = hit("[data-shortcut]");
  if (shortcut) {
    const target = "onMessage" in shortcut.dataset ? targetOf(shortcut) : null;
    closeMenus();
    return send("shortcut", { callback_id: shortcut.dataset.shortcut, target });
  }
  const closer = hit("[data-close]");
  if (closer) return send("close", { target: targetOf(closer), all: closer.dataset.close === "all" });
  const step = hit("[data-page-step]");
  if (step) return turn(step);
  const opener = hit("[data-menu]");
  if (opener) return openMenu(opener);
});

document.addEventListener("submit", async (event) => {
  if (event.target.matches(".view")) {
    event.preventDefault();
    const button = event.target.querySelector("button[type=submit]");
    if (!button || button.disabled) return;
    button.setAttribute("aria-busy", "true");
    submitted = true;
    await send("submit", { target: event.target.dataset.target, values: valuesOf(event.target) });
    button.removeAttribute("aria-busy");
  } else if (event.target.matches(".composer")) {
    event.preventDefault();
    say(event.target);
  }
});

modal.addEventListener("cancel", (event) => {
  event.preventDefault();
  if (event.target !== modal) return;
  const view = modal.querySelector(".view");
  if (view) send("close", { target: view.dataset.target, all: true });
});

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.id === "composer-files") return attach(field);
  const element = field.closest?.(".element");
  if (!element) return;
  if (field.type === "file") return upload(field, element);
  if (!field.matches(".v")) return;
  const { type } = element.dataset;
  if (type === "checkboxes") changed(element, () => (field.checked = !field.checked));
  else if (type === "radio_buttons" || type.endsWith("picker")) changed(element);
});

const waiting = new WeakMap();
function later(node, milliseconds, then) {
  clearTimeout(waiting.get(node));
  waiting.set(node, setTimeout(then, milliseconds));
}

document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.id === "composer-text") return hint(field);
  const element = field.closest?.(".element");
  if (!element) return;
  if (field.getAttribute("role") === "combobox") return typed(field);
  if (field.dataset.on?.includes("on_character_entered")) later(field, 300, () => changed(element));
  count(element);
});

document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (field.id === "composer-text") return composerKey(event, field);
  if (field.matches?.(".combo [role=combobox]")) return comboKey(event, field);
  if (field.matches?.("[role=menuitem]")) return menuKey(event, field);
  if (event.key === "Enter" && !event.isComposing && field.dataset?.on?.includes("on_enter_pressed") && field.matches("input")) {
    const element = field.closest(".element");
    if ("dispatch" in element.dataset) {
      event.preventDefault();
      changed(element);
    }
  }
});

function count(element) {
  const field = element.querySelector("[maxlength]");
  const said = element.querySelector(".count");
  if (!field || !said) return;
  const left = field.maxLength - field.value.length;
  said.textContent = left <= Math.max(20, field.maxLength / 10) ? left : "";
}

async function store(file) {
  const query = new URLSearchParams({ name: file.name, type: file.type || "application/octet-stream" });
  const kept = await fetch(`${page.path}/upload?${query}`, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: file,
  }).then((r) => r.json(), () => ({ error: "The sandbox does not answer." }));
  if (kept.error) toast(kept.error);
  return kept.error ? null : kept;
}

async function upload(field, element) {
  const chips = element.querySelector(".chips");
  for (const file of field.files) {
    const kept = await store(file);
    if (!kept) return;
    if (!field.multiple) chips.replaceChildren();
    chips.append(chip(document.createTextNode(kept.name), kept.name, kept.id));
  }
  field.value = "";
  changed(element);
}

// Files for a message wait above the composer; a picture can be described, as in Slack.
async function attach(field) {
  const place = field.form.querySelector(".attached");
  for (const file of field.files) {
    const kept = await store(file);
    if (!kept) return;
    const line = document.createElement("div");
    line.setAttribute("role", "listitem");
    line.append(chip(document.createTextNode(kept.name), kept.name, kept.id));
    if (kept.picture) {
      const alt = document.createElement("input");
      alt.placeholder = "Describe this picture";
      alt.className = "alt";
      alt.setAttribute("aria-label", `Description of ${kept.name}`);
      line.append(alt);
    }
    place.append(line);
  }
  field.value = "";
  const log = main.querySelector(".messages");
  log.scrollTop = log.scrollHeight;
  byId("composer-text").focus();
}

function turn(button) {
  const wrap = button.closest("[data-page]");
  const rows = [...wrap.querySelectorAll("tbody tr")];
  const size = Number(wrap.dataset.page);
  const first = Math.max(0, rows.findIndex((r) => !r.hidden) + size * Number(button.dataset.pageStep));
  rows.forEach((row, at) => (row.hidden = at < first || at >= first + size));
  wrap.querySelector("[data-page-said]").textContent = `Rows ${first + 1} to ${Math.min(first + size, rows.length)} of ${rows.length}`;
  wrap.querySelector("[data-page-step='-1']").disabled = first === 0;
  wrap.querySelector("[data-page-step='1']").disabled = first + size >= rows.length;
}

// Menus

function place(popup, anchor, wide) {
  const box = anchor.getBoundingClientRect();
  popup.style.minWidth = wide ? `${box.width}px` : "";
  const { width, height } = popup.getBoundingClientRect();
  const left = wide ? box.left : box.right - width;
  popup.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  const below = box.bottom + 4;
  popup.style.top = `${below + height < innerHeight - 8 ? below : Math.max(8, box.top - height - 4)}px`;
}

function openMenu(opener) {
  const menu = opener.parentElement.querySelector(".menu");
  if (menu.matches(":popover-open")) return menu.hidePopover();
  menu.showPopover();
  place(menu, opener);
  opener.setAttribute("aria-expanded", "true");
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    opener.setAttribute("aria-expanded", "false");
  });
  menu.querySelector("[role=menuitem]")?.focus();
}

function closeMenus() {
  document.querySelectorAll("[role=menu]:popover-open").forEach((menu) => {
    menu.parentElement.querySelector("[data-menu]").focus();
    menu.hidePopover();
  });
}

function menuKey(event, item) {
  const items = [...item.closest("[role=menu]").querySelectorAll("[role=menuitem]")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape") {
    event.preventDefault();
    closeMenus();
  }
  if (!step) return;
  event.preventDefault();
  items[(items.indexOf(item) + step + items.length) % items.length].focus();
}

// Selects: one text field that searches, a list below it

const listOf = (field) => byId(field.getAttribute("aria-controls"));
const lines = (list) => [...list.querySelectorAll("[role=option]")].filter((line) => !line.hidden);
const single = (combo) => !("many" in combo.closest(".element").dataset);
const chosenIn = (combo) => [...combo.querySelectorAll(".v")].map((v) => v.value);

function chip(content, name, value) {
  const made = document.createElement("span");
  made.className = "chip";
  const words = document.createElement("span");
  words.className = "choice";
  words.append(content);
  const drop = document.createElement("button");
  drop.type = "button";
  drop.dataset.drop = "";
  drop.setAttribute("aria-label", `Remove ${name}`);
  drop.textContent = "×";
  const kept = document.createElement("input");
  kept.type = "hidden";
  kept.className = "v";
  kept.value = value;
  made.append(words, drop, kept);
  return made;
}

function openList(field) {
  const list = listOf(field);
  if (!list.matches(":popover-open")) list.showPopover();
  field.setAttribute("aria-expanded", "true");
  place(list, field.closest(".combo"), true);
}

function closeList(field) {
  const list = listOf(field);
  if (list?.matches(":popover-open")) list.hidePopover();
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

function typed(field) {
  const combo = field.closest(".combo");
  if (!("external" in combo.dataset)) return filter(field, combo);
  const query = field.value;
  if (query.length < Number(combo.dataset.min)) {
    return note(field, combo.dataset.min === "0" ? "" : `Type at least ${combo.dataset.min} letters`);
  }
  later(field, 200, async () => {
    note(field, "Searching…", !lines(listOf(field)).length);
    const element = combo.closest(".element");
    const answer = await send("suggest", {
      target: targetOf(element), block_id: element.dataset.block, action_id: element.dataset.action, query,
    });
    if (field.value !== query || document.activeElement !== field) return;
    listOf(field).innerHTML = answer.html ?? "";
    drawChoices(field, combo);
  });
}

function note(field, sentence, draw = true) {
  if (!draw) return;
  const list = listOf(field);
  const line = document.createElement("li");
  line.className = "none";
  line.setAttribute("role", "presentation");
  line.textContent = sentence;
  list.replaceChildren(...(sentence ? [line] : []));
  if (sentence) openList(field);
  else closeList(field);
}

function filter(field, combo) {
  const words = field.value.trim().toLowerCase();
  const shown = single(combo) && words === labelOf(combo).toLowerCase() ? "" : words;
  const list = listOf(field);
  list.querySelectorAll("[role=option]").forEach((line) => (line.hidden = !line.textContent.toLowerCase().includes(shown)));
  list.querySelectorAll(".group").forEach((group) => {
    let line = group.nextElementSibling;
    let any = false;
    for (; line && !line.matches(".group"); line = line.nextElementSibling) any ||= !line.hidden;
    group.hidden = !any;
  });
  drawChoices(field, combo);
}

function drawChoices(field, combo) {
  const list = listOf(field);
  const active = list.querySelector(".active:not([hidden])");
  const chosen = chosenIn(combo);
  list.querySelectorAll(".none").forEach((line) => line.remove());
  list.querySelectorAll("[role=option]").forEach((line, at) => {
    line.id = `${list.id}-${at}`;
    line.setAttribute("aria-selected", String(chosen.includes(line.dataset.value)));
  });
  if (!lines(list).length) {
    const line = document.createElement("li");
    line.className = "none";
    line.setAttribute("role", "presentation");
    line.textContent = "No results";
    list.append(line);
  }
  openList(field);
  activate(field, active ?? lines(list)[0]);
}

function activate(field, line) {
  listOf(field).querySelectorAll(".active").forEach((old) => old.classList.remove("active"));
  if (!line) return field.removeAttribute("aria-activedescendant");
  line.classList.add("active");
  line.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", line.id);
}

function comboKey(event, field) {
  const list = listOf(field);
  const open = list.matches(":popover-open");
  const active = list.querySelector(".active");
  const all = lines(list);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (!open) return typed(field);
    const step = event.key === "ArrowDown" ? 1 : -1;
    activate(field, all[(all.indexOf(active) + step + all.length) % all.length]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (open && active) pick(field, active);
  } else if (event.key === "Escape" && open) {
    event.preventDefault();
    event.stopPropagation();
    closeList(field);
  } else if (event.key === "Backspace" && !field.value) {
    field.closest(".combo").querySelector(".chip:last-of-type [data-drop]")?.click();
  }
}

const labelOf = (combo) => combo.querySelector(".chip .choice")?.textContent.trim() ?? "";

function pick(field, line) {
  activate(field, line);
  const combo = field.closest(".combo");
  const element = combo.closest(".element");
  const chips = combo.querySelector(".chips");
  const before = chips.cloneNode(true);
  const there = [...chips.children].find((c) => c.querySelector(".v").value === line.dataset.value);
  const most = Number(combo.dataset.most || Infinity);
  if (single(combo)) chips.replaceChildren();
  else if (there) there.remove();
  else if (chips.children.length >= most) return toast(`At most ${most} can be chosen.`);
  if (single(combo) || !there) {
    const words = line.querySelector(".choice");
    chips.append(chip(words.cloneNode(true), words.textContent.trim(), line.dataset.value));
  }
  field.value = single(combo) ? labelOf(combo) : "";
  if (single(combo)) closeList(field);
  else drawChoices(field, combo);
  changed(element, () => {
    chips.replaceWith(before);
    field.value = single(combo) ? labelOf(combo) : "";
  });
}

// One pick per press of the mouse, before the field loses the focus.
document.addEventListener("mousedown", (event) => {
  const line = event.target.closest(".choices [role=option]");
  const list = event.target.closest(".choices");
  if (list) event.preventDefault();
  if (line) pick(document.querySelector(`[aria-controls="${list.id}"]`), line);
});

document.addEventListener("click", (event) => {
  const drop = event.target.closest("[data-drop]");
  if (drop?.closest(".attached")) return drop.closest("[role=listitem]").remove();
  if (drop) {
    const element = drop.closest(".element");
    drop.closest(".chip").remove();
    const field = element.querySelector("[role=combobox]");
    if (field && !("many" in element.dataset)) field.value = "";
    field?.focus();
    return changed(element);
  }
  const combo = event.target.closest(".combo");
  const field = combo?.querySelector("[role=combobox]");
  if (field && !listOf(field).matches(":popover-open")) {
    field.focus();
    field.select();
    typed(field);
  }
});

document.addEventListener("focusout", (event) => {
  const field = event.target;
  if (!field.matches?.(".combo [role=combobox]")) return;
  closeList(field);
  const combo = field.closest(".combo");
  field.value = single(combo) ? labelOf(combo) : "";
});

// The composer

// `/` offers the command, `@` people, `#` channels; the word before the caret decides.
const offers = () => [...byId("command-hint").children].filter((line) => !line.hidden);
const offered = () => byId("command-hint").querySelector("[aria-selected=true]");

function hint(field) {
  const list = byId("command-hint");
  const command = field.form.dataset.command;
  const first = field.value.split(/\s/)[0];
  const word = field.value.slice(0, field.selectionStart).match(/(?:^|\s)([@#][\w-]*)$/)?.[1].toLowerCase();
  for (const line of list.children) {
    const fill = line.dataset.fill ?? command;
    if (word) line.hidden = fill[0] !== word[0] || !line.textContent.toLowerCase().includes(word.slice(1));
    else line.hidden = !(fill[0] === "/" && first[0] === "/" && (command.startsWith(first) || first === command));
  }
  list.hidden = !offers().length;
  field.setAttribute("aria-expanded", String(!list.hidden));
  offer(field, offers()[0]);
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 160)}px`;
}

function offer(field, line) {
  offered()?.setAttribute("aria-selected", "false");
  if (!line || line.hasAttribute("aria-disabled")) return field.removeAttribute("aria-activedescendant");
  line.setAttribute("aria-selected", "true");
  line.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", line.id);
}

function accept(field, line) {
  const { fill } = line.dataset;
  const at = field.selectionStart;
  const before = fill[0] === "/" ? "" : field.value.slice(0, at).replace(/[@#][\w-]*$/, "");
  const after = fill[0] === "/" ? "" : field.value.slice(at).trimStart();
  field.value = before + fill + after;
  field.selectionStart = field.selectionEnd = (before + fill).length;
  hint(field);
}

function composerKey(event, field) {
  const line = byId("command-hint").hidden ? null : offered();
  const fill = line?.dataset.fill;
  const complete = fill?.[0] === "/" && field.value.startsWith(fill);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape" && line) {
    byId("command-hint").hidden = true;
    field.setAttribute("aria-expanded", "false");
  } else if (step && line && offers().length > 1) {
    event.preventDefault();
    offer(field, offers()[(offers().indexOf(line) + step + offers().length) % offers().length]);
  } else if (line && !complete && (event.key === "Tab" || (event.key === "Enter" && field.value !== fill.trim()))) {
    event.preventDefault();
    accept(field, line);
  } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    field.form.requestSubmit();
  }
}

document.addEventListener("mousedown", (event) => {
  const line = event.target.closest("#command-hint [data-fill]");
  if (!line) return;
  event.preventDefault();
  const field = byId("composer-text");
  field.focus();
  accept(field, line);
});

async function say(form) {
  const field = form.querySelector("textarea");
  const text = field.value;
  const waiting = [...form.querySelectorAll(".attached > *")];
  const files = Object.fromEntries(waiting.map((line) => [line.querySelector(".v").value, line.querySelector(".alt")?.value ?? ""]));
  if (!text.trim() && !waiting.length) return;
  field.value = "";
  hint(field);
  form.setAttribute("aria-busy", "true");
  spoke = true;
  const answer = await send("say", { text, files });
  form.removeAttribute("aria-busy");
  if (!answer.error) waiting.forEach((line) => line.remove());
  else if (!field.value) field.value = text;
}

// The drawer on small screens

document.querySelector(".drawer-button").addEventListener("click", (event) => {
  const open = document.body.classList.toggle("drawer");
  event.currentTarget.setAttribute("aria-expanded", String(open));
  if (open) byId("sidebar").querySelector("a[aria-current]")?.focus();
});
main.addEventListener("click", () => {
  document.body.classList.remove("drawer");
  document.querySelector(".drawer-button").setAttribute("aria-expanded", "false");
});
document.addEventListener("click", (event) => {
  const switcher = document.querySelector(".switcher");
  if (!switcher.contains(event.target)) switcher.open = false;
});
document.addEventListener("keydown", (event) => {
  const switcher = document.querySelector(".switcher");
  if (event.key !== "Escape" || !switcher.open) return;
  switcher.open = false;
  switcher.querySelector("summary").focus();
});

// Another tab of this browser leads back here: redirect.js asks for this person's Slack, and shows one of its tabs.

const tab = crypto.randomUUID();
const seat = page.path.split("/").slice(0, 4).join("/");
tabs.onmessage = ({ data }) => {
  if ("version" in data) noticed(data.version);
  if (data.wanted?.startsWith(`${seat}/`)) tabs.postMessage({ open: data.wanted, tab });
  if (data.show && data.tab === tab && data.show !== page.path) location.assign(data.show);
};

// Start

const list = main.querySelector(".messages");
if (list) list.scrollTop = list.scrollHeight;
if (modal.querySelector(".view")) modal.showModal();
if (page.place === "home") send("open_home");
if (matchMedia("(min-width: 701px)").matches) byId("composer-text")?.focus();
follow();
