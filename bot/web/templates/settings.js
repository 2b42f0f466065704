// The settings page: disables what can't be chosen beside what is ticked. The server decides by the same rules.
"use strict";

const form = document.getElementById("settings");

function isOn(row) {
  const input = row.querySelector("input");
  const above = row.dataset.within && form.querySelector(`.switch[data-key="${row.dataset.within}"]`);
  return input.checked && !input.disabled && (!above || isOn(above));
}

function refresh() {
  const rows = [...form.querySelectorAll(".switch")];
  for (const row of rows) {
    const above = row.dataset.within && form.querySelector(`.switch[data-key="${row.dataset.within}"]`);
    row.hidden = Boolean(above) && !isOn(above);
  }
  const forbidden = new Set(rows.filter(isOn).flatMap((row) => row.dataset.forbids.split(" ").filter(Boolean)));
  for (const radio of form.querySelectorAll('input[type="radio"]')) {
    radio.disabled = forbidden.has(`${radio.name}=${radio.value}`);
    if (radio.disabled) radio.checked = false;
  }
  for (const radio of form.querySelectorAll('input[type="radio"]:checked')) {
    for (const row of rows) {
      const input = row.querySelector("input");
      const clashes = row.dataset.forbids.split(" ").includes(`${radio.name}=${radio.value}`);
      if (clashes && !input.checked) input.disabled = true;
    }
  }
}

if (form) {
  for (const row of form.querySelectorAll(".switch")) {
    const input = row.querySelector("input");
    row.dataset.off = input.disabled ? "yes" : "";
  }
  form.addEventListener("change", () => {
    for (const row of form.querySelectorAll(".switch")) row.querySelector("input").disabled = row.dataset.off === "yes";
    refresh();
  });
  refresh();
}
