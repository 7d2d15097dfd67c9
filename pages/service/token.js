/**
 * Asks the person for the service's token.
 *
 * @param {boolean} wasRefused whether one was given already, and was not it
 * @returns {Promise<string>}
 */
export function askForToken(wasRefused) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('token-dialog'));
  const input = /** @type {HTMLInputElement} */ (document.getElementById('token'));
  const note = /** @type {HTMLElement} */ (document.getElementById('token-note'));
  if (wasRefused) note.textContent = 'That one was not it.';
  input.value = '';
  // There is nothing behind it to go on with.
  dialog.addEventListener('cancel', (event) => event.preventDefault());
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener('close', () => resolve(input.value), { once: true }));
}
