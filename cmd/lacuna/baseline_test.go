package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/lacuna-dev/lacuna/models"
)

// baselineBundle is the embedded model that says it was trained to something else. What
// it writes is nonsense; how it is run is what a real baseline's run is.
func baselineBundle(t *testing.T, objective string) string {
	t.Helper()
	b, err := models.Default()
	if err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(b.Manifest.Config)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(config, &fields); err != nil {
		t.Fatal(err)
	}
	fields["objective"], fields["snippets"] = objective, false
	if config, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	// Of two entries of one key the last one counts (metadata_props of onnx.proto).
	var entry []byte
	for number, text := range map[protowire.Number]string{1: "lacuna.config", 2: string(config)} {
		entry = protowire.AppendTag(entry, number, protowire.BytesType)
		entry = protowire.AppendString(entry, text)
	}
	graph := protowire.AppendTag(slices.Clone(b.Graph), 14, protowire.BytesType)
	graph = protowire.AppendBytes(graph, entry)

	manifest := b.Manifest
	digest := sha256.Sum256(graph)
	file := manifest.Files[models.GraphFile]
	file.SHA256, file.Size = hex.EncodeToString(digest[:]), int64(len(graph))
	manifest.Files = map[string]models.File{models.GraphFile: file, models.TokenizerFile: manifest.Files[models.TokenizerFile]}
	manifest.Calibration = nil
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{models.GraphFile: graph, models.TokenizerFile: b.Tokenizer, models.ManifestFile: text} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestBaselines: the same command fills the same holes with a model of one stream.
func TestBaselines(t *testing.T) {
	for _, objective := range []string{"fim", "bidirectional"} {
		t.Run(objective, func(t *testing.T) {
			a := newTestApp(t, nil)
			a.app.open = openEngine
			a.run(t, 0, "eval", "--lang", "go", "--no-types", "--no-precedents", "--corpus", corpusDir(t), "--holes", "1", "--kinds", "rest", "--max-steps", "1", "--json", "--bundle", baselineBundle(t, objective))
			var report evalReport
			if err := json.Unmarshal(a.out.Bytes(), &report); err != nil {
				t.Fatal(err)
			}
			if report.Holes != 1 || report.Result.Total.Forwards.Mean == 0 {
				t.Errorf("%+v", report.Result.Total)
			}
			if total := report.Result.Total; objective == "fim" && total.Forwards.Mean != total.Steps.Mean+1 {
				t.Errorf("%v passes for %v tokens: one each, and one for the end", total.Forwards.Mean, total.Steps.Mean)
			}
		})
	}
}
