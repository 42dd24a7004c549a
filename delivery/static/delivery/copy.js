// Copies the text of a button's data-copy. Browsers lend the clipboard to https and localhost
// alone; elsewhere the text is selected, to be copied by hand.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const said = button.querySelector("[data-said]");
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    said.textContent = "Copied";
  } catch {
    window.getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    said.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl-C";
  }
  setTimeout(() => { said.textContent = "Copy"; }, 2000);
});
