// The page that leads into Slack: to the tab that has it open for this person or, without one, right here.
"use strict";

const target = document.body.dataset.target;
const tabs = new BroadcastChannel("slack");
const here = setTimeout(() => location.replace(target), 400);

tabs.onmessage = ({ data }) => {
  if (data.open !== target) return;
  clearTimeout(here);
  tabs.onmessage = null;
  tabs.postMessage({ show: target, tab: data.tab });
  document.getElementById("elsewhere").hidden = false;
};
tabs.postMessage({ wanted: target });
