// The facts of the model, and its name in the page's head.

export async function loadModel() {
  // The token has become a cookie; it need not stay in the history.
  if (new URLSearchParams(location.search).has("token")) history.replaceState(null, "", location.pathname);
  const response = await fetch("/model");
  if (!response.ok) throw new Error((await response.json()).error);
  const model = await response.json();
  document.getElementById("model").textContent = `${model.name} ${model.release} on ${model.runtime}`;
  return model;
}

// A probability as it is shown; what is not certain is never shown as 100 %.
export function percent(probability) {
  const shown = Math.min(probability, 0.999) * 100;
  return `${probability >= 0.9995 ? "> 99.9" : shown.toFixed(shown >= 10 ? 1 : 2)} %`;
}
