// The upload page: sends files in pieces by the tus protocol (https://tus.io), two at a time, and goes on after cuts.
"use strict";

const page = document.getElementById("uploads");
const said = JSON.parse(page.dataset.said);
const address = page.dataset.files;
const pieceSize = Number(page.dataset.piece);
const list = page.querySelector(".files");
const all = page.querySelector(".all");
const tus = { "Tus-Resumable": "1.0.0" };
const AT_ONCE = 2;
const LONGEST_PAUSE = 15000;
const rows = new Map(); // By key: name and size, as a browser may not say more about a file that is chosen again.
const queue = [];
let running = 0;
let looking = false;

const keyOf = (file) => `${file.size} ${file.name}`;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function sizeOf(bytes) {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`;
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function addRow(file) {
  const row = { key: keyOf(file), name: file.name, size: file.size, id: file.id, file: null, state: "", removed: false };
  row.item = element("li", "file");
  row.bar = element("progress", "bar");
  row.bar.max = file.size || 1;
  row.bar.setAttribute("aria-label", file.name);
  row.said = element("span", "said");
  const remove = element("button", "remove", said.remove);
  remove.type = "button";
  remove.setAttribute("aria-label", `${said.remove} ${file.name}`);
  remove.addEventListener("click", () => removeRow(row));
  row.item.append(element("strong", "name", file.name), remove, row.bar, row.said);
  list.append(row.item);
  rows.set(row.key, row);
  return row;
}

function show(row, state, words, received) {
  row.state = state;
  row.item.dataset.state = state;
  if (received !== undefined) row.bar.value = received;
  row.bar.hidden = state === "stored" || state === "refused";
  row.said.textContent = words;
  const states = [...rows.values()].map((each) => each.state);
  all.hidden = !states.length || states.some((each) => each !== "stored");
}

function progress(row, received) {
  const percent = Math.floor((100 * received) / row.size);
  show(row, "sending", `${said.sending} · ${percent} % of ${sizeOf(row.size)}`, received);
}

async function removeRow(row) {
  row.removed = true;
  row.request?.abort();
  if (row.id) await fetch(`${address}/${row.id}`, { method: "DELETE", headers: tus }).catch(() => {});
  row.item.remove();
  rows.delete(row.key);
  show(row, "", "");
}

function add(files) {
  for (const file of files) {
    const row = rows.get(keyOf(file)) ?? addRow(file);
    if (row.file || row.state === "stored" || row.state === "checking") continue;
    row.file = file;
    show(row, "waiting", said.waiting);
    queue.push(row);
  }
  next();
}

async function next() {
  while (running < AT_ONCE && queue.length) {
    const row = queue.shift();
    running += 1;
    send(row).finally(() => {
      running -= 1;
      next();
    });
  }
}

// An answer that says why the file is not taken. Everything else is tried again.
class Refused extends Error {}

async function send(row) {
  for (let failures = 0; !row.removed; failures += 1) {
    try {
      if (!row.id) await create(row);
      let offset = await offsetOf(row);
      while (offset < row.size && !row.removed) {
        offset = await sendPiece(row, offset);
        failures = 0;
      }
      if (!row.removed) show(row, "checking", said.checking, row.size);
      look();
      return;
    } catch (error) {
      if (row.removed) return;
      if (error instanceof Refused) {
        row.file = null;
        show(row, "refused", error.message || said.failed);
        return;
      }
      show(row, "lost", said.lost);
      await pause(Math.min(LONGEST_PAUSE, 500 * 2 ** failures));
    }
  }
}

async function answer(response) {
  if (response.ok) return response;
  // Too many requests, somebody else's piece, or a fault of the server's: later it may work.
  if (response.status === 429 || response.status === 409 && response.url.includes("/files/") || response.status >= 500 && response.status !== 507) {
    throw new Error(String(response.status));
  }
  throw new Refused((await response.text()).trim());
}

async function create(row) {
  const name = btoa(String.fromCharCode(...new TextEncoder().encode(row.name)));
  const headers = { ...tus, "Upload-Length": String(row.size), "Upload-Metadata": `filename ${name}` };
  const made = await answer(await fetch(address, { method: "POST", headers }));
  row.id = made.headers.get("Location").split("/").pop();
}

async function offsetOf(row) {
  const found = await fetch(`${address}/${row.id}`, { method: "HEAD", headers: tus });
  if (found.status === 404) {
    throw new Refused(said.failed);
  }
  return Number((await answer(found)).headers.get("Upload-Offset"));
}

// XMLHttpRequest, because fetch does not say how much it has sent.
function sendPiece(row, offset) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    row.request = request;
    request.open("PATCH", `${address}/${row.id}`);
    request.setRequestHeader("Tus-Resumable", "1.0.0");
    request.setRequestHeader("Upload-Offset", String(offset));
    request.setRequestHeader("Content-Type", "application/offset+octet-stream");
    request.upload.onprogress = (event) => progress(row, offset + event.loaded);
    request.onerror = request.onabort = request.ontimeout = () => failed(new Error("cut"));
    request.onload = () => {
      if (request.status === 204) {
        done(Number(request.getResponseHeader("Upload-Offset")));
      } else if (request.status === 403 || request.status === 404 || request.status === 413) {
        failed(new Refused(request.responseText.trim()));
      } else {
        failed(new Error(String(request.status)));
      }
    };
    request.send(row.file.slice(offset, offset + pieceSize));
  });
}

async function refresh() {
  const found = await fetch(address);
  if (!found.ok) return;
  for (const file of (await found.json()).files) {
    const row = rows.get(keyOf(file)) ?? addRow(file);
    row.id = file.id;
    if (file.state === "arriving") {
      if (!row.file) show(row, "again", said.again, file.received);
    } else {
      row.file = null;
      show(row, file.state, file.words || said[file.state], file.size);
    }
  }
}

// Until every file that has arrived was checked.
async function look() {
  if (looking) return;
  looking = true;
  do {
    await pause(1000);
    await refresh().catch(() => {});
  } while ([...rows.values()].some((row) => row.state === "checking"));
  looking = false;
}

const choose = document.getElementById("choose");
choose.addEventListener("change", () => {
  add([...choose.files]);
  choose.value = "";
});
const drop = page.querySelector(".drop");
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop") add([...event.dataTransfer.files]);
  });
}
refresh().then(() => {
  if ([...rows.values()].some((row) => row.state === "checking")) look();
});
