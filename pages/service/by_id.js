/** @param {string} id @returns {any} an element of index.html, of the kind that it is there */
export const byId = (id) => document.getElementById(id);
