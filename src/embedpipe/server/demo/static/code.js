// The same thing in code, ready to copy.

const tabs = document.getElementById("tabs");
const code = document.getElementById("code");
const copy = document.getElementById("copy");
let texts = {};
let current = "Python";

const WORDS = { albert: "AlbertEmbeddings" };

function quoted(text) {
  return JSON.stringify(text);
}

function written({ model, precision, pooling }, found, text) {
  const stage = WORDS[found.architecture] || "BertEmbeddings";
  const line = text.split("\n").find((part) => part.trim() !== "") || "The train is late.";
  const short = line.slice(0, 120);
  const name = quoted(model);
  const pipeline = (declared, call) => `${declared("documentAssembler")}${call("DocumentAssembler")}
  .setInputCol("text").setOutputCol("document")
${declared("sentenceDetector")}${call("SentenceDetector")}
  .setInputCols("document").setOutputCol("sentence")
${declared("tokenizer")}${call("Tokenizer")}
  .setInputCols("sentence").setOutputCol("token")
${declared("embeddings")}${stage}.pretrained(${name}, "en")
  .setInputCols("sentence", "token").setOutputCol("embeddings")`;
  return {
    Python: `from embedpipe import Encoder

encoder = Encoder.load(${name}, precision=${quoted(precision)})
vectors = encoder.encode([${quoted(short)}], pooling=${quoted(pooling)})
print(vectors.shape)  # (1, ${found.dimension})`,
    Scala: `import embedpipe.base._
import embedpipe.annotator._
import org.apache.spark.ml.Pipeline

${pipeline((id) => `val ${id} = `, (kind) => `new ${kind}()`)}
val pipeline = new Pipeline()
  .setStages(Array(documentAssembler, sentenceDetector, tokenizer, embeddings))
val result = pipeline.fit(data).transform(data)`,
    Java: `${pipeline(
    (id) => `var ${id} = `,
    (kind) => `new ${kind}()`,
  ).replaceAll(/\)\n(var|$)/g, ");\n$1")};
var pipeline = new Pipeline().setStages(new PipelineStage[] {
    documentAssembler, sentenceDetector, tokenizer, embeddings});
Dataset<Row> result = pipeline.fit(data).transform(data);`,
    curl: `curl ${location.origin}/v1/embeddings \\
  -H 'content-type: application/json' \\
  -d '${JSON.stringify({ model, input: short }).replaceAll("'", "'\\''")}'`,
    "One line": `import embedpipe
embedpipe.load(${name}).predict(${quoted(short)})`,
  };
}

export function showCode(settings, model, text) {
  texts = written(settings, model, text);
  if (!tabs.children.length) tabs.append(...Object.keys(texts).map(tab));
  choose(current);
}

function tab(name) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = name;
  button.setAttribute("role", "tab");
  button.setAttribute("aria-controls", "code-panel");
  button.addEventListener("click", () => choose(name));
  button.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...tabs.children];
    const next = all[(all.indexOf(button) + step + all.length) % all.length];
    next.focus();
    choose(next.textContent);
  });
  return button;
}

function choose(name) {
  current = name;
  code.textContent = texts[name];
  for (const button of tabs.children) {
    const isChosen = button.textContent === name;
    button.setAttribute("aria-selected", String(isChosen));
    button.tabIndex = isChosen ? 0 : -1;
  }
}

copy.addEventListener("click", async () => {
  await navigator.clipboard.writeText(texts[current]);
  copy.textContent = "Copied";
  setTimeout(() => {
    copy.textContent = "Copy";
  }, 1500);
});
