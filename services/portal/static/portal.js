// What a page does beside its forms, all of which work without it.
"use strict";
document.addEventListener("submit", (event) => {
  // A form that was sent is not sent again by a second click; its id would make it one act all the same.
  const buttons = event.target.querySelectorAll("button[type=submit]");
  setTimeout(() => buttons.forEach((button) => { button.disabled = true; }), 0);
  setTimeout(() => buttons.forEach((button) => { button.disabled = false; }), 4000);
});
