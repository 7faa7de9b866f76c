"use strict";
// What an element made by `xstilts.report.packed` holds.
async function unpacked(script) {
  if (script.type === "application/json") return JSON.parse(script.textContent);
  const bytes = Uint8Array.from(atob(script.textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

// On a page of much data all is started in turn once it is loaded, so that it can be read meanwhile.
const large = document.querySelector('script[type="application/gzip"]') !== null;
let standing = new Promise((ready) => addEventListener("load", ready));
function startInTurn(start) {
  if (!large) return start();
  const pause = () => new Promise((done) => setTimeout(done));
  standing = standing.then(start).catch(reportError).then(pause);
}
