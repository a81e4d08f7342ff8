// What an article does with the element: sends a text, hears of selection and completion.

const lens = document.getElementById("first");
const write = (id, text) => { document.getElementById(id).textContent = text; };

lens.addEventListener("shown", ({ detail }) => write("shown", `${detail.tokens} tokens (${detail.origin})`));
lens.addEventListener("selected", ({ detail }) => write("selected", detail.tokens?.join(" / ") ?? "nothing"));
document.getElementById("send").addEventListener("click", () => {
  lens.setText("Once upon a time, a little girl named Alice loved looking at the night sky.");
});
