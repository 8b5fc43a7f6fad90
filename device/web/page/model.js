// Loads the description of the model and shows its name in the header.

export async function loadModel() {
  // The token is in a cookie now; remove it from the history.
  if (new URLSearchParams(location.search).has("token")) history.replaceState(null, "", location.pathname);
  const response = await fetch("/model");
  if (!response.ok) throw new Error((await response.json()).error);
  const model = await response.json();
  document.getElementById("model").textContent = `${model.name} ${model.release} on ${model.runtime}`;
  return model;
}

// Formats a probability, never as 100 %.
export function percent(probability) {
  const shown = Math.min(probability, 0.999) * 100;
  return `${probability >= 0.9995 ? "> 99.9" : shown.toFixed(shown >= 10 ? 1 : 2)} %`;
}
