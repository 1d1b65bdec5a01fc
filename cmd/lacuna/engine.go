package main

import (
	"fmt"
	"path/filepath"

	"github.com/lacuna-dev/lacuna/grammars"
	"github.com/lacuna-dev/lacuna/infill"
	"github.com/lacuna-dev/lacuna/models"
	"github.com/lacuna-dev/lacuna/models/tokenizer"
	"github.com/lacuna-dev/lacuna/runtime/ort"
)

// engineFlags choose what an engine is made of.
type engineFlags struct {
	Bundle  string `placeholder:"DIR" help:"Model bundle; default: the one in this binary."`
	Library string `placeholder:"PATH" help:"ONNX Runtime library or its folder; default: LACUNA_ONNXRUNTIME, next to lacuna, the cache folder, the system."`
	Device  string `enum:"auto,cpu,cuda," default:"auto" env:"LACUNA_DEVICE" help:"Where the model runs: auto (CUDA where it is ready, else the processor), cpu or cuda; default: LACUNA_DEVICE, else auto."`
	Fused   string `enum:"auto,on,off," default:"auto" help:"Take all denoising steps of a round in one call: on, off or auto, which is with CUDA only."`
	Threads int    `placeholder:"N" default:"0" help:"Threads the model uses; 0 is the number of processors, at most 4."`
	Cache   int    `name:"cache-mib" placeholder:"MIB" default:"0" help:"Memory for the keys and values of documents, in MiB; what was used longest ago makes room. 0 is 64."`

	Remote remoteFlags `embed:""`

	half     bool           // the fused graph in float16 on the CPU too, to compare it
	warn     func(error)    // is told when the model goes over to the CPU while it works
	shared   *sharedEngine  // where to look for another process's engine; nil for nowhere
	decoding infill.Options // set by commands that let it be chosen
}

// engine is a bundle, a library and everything between, ready to fill.
type engine struct {
	Filler   infill.Filler
	Denoiser infill.Denoiser
	Name     string // of the model
	Tokens   infill.Tokenizer
	Sizes    func(multiline bool) []int // of the canvases tried, in slots
	Library  ort.Library
	Version  string // of ONNX Runtime, as it reports itself
	Device   string // cpu, cuda or the address of a server
	Fused    bool   // rounds are taken in one call
	Warning  string // why the model does not run where it should; usually empty
	failure  func() error
	close    func()
}

// Failure says why the engine went over to the CPU while it worked; usually nil.
func (e *engine) Failure() error {
	if e.failure == nil {
		return nil
	}
	return e.failure()
}

// Close frees the model. It may be called once.
func (e *engine) Close() {
	if e.close != nil {
		e.close()
	}
}

// loadBundle loads and checks the bundle of the flags.
func (f engineFlags) loadBundle() (*models.Bundle, error) {
	if f.Bundle == "" {
		return models.Default()
	}
	return models.Load(filepath.Clean(f.Bundle))
}

// check is for the beginning of a command: its errors are bad use.
func (f engineFlags) check() error {
	if f.Threads < 0 {
		return usageErrorf("--threads %d: must not be negative", f.Threads)
	}
	if f.Cache < 0 {
		return usageErrorf("--cache-mib %d: must not be negative", f.Cache)
	}
	return f.Remote.check()
}

// openEngine joins the packages together. Its errors say what to do.
func openEngine(flags engineFlags) (*engine, error) {
	bundle, err := flags.loadBundle()
	if err != nil {
		return nil, err
	}
	library, err := ort.Find(ort.Options{Path: flags.Library, Device: ort.Device(flags.Device)})
	if err != nil && flags.Remote.URL == "" {
		return nil, fmt.Errorf("%w\nlacuna doctor shows all of it", err)
	}
	return assemble(bundle, library, flags)
}

func assemble(bundle *models.Bundle, library ort.Library, flags engineFlags) (*engine, error) {
	tokens, err := tokenizer.Load(bundle.Tokenizer)
	if err != nil {
		return nil, fmt.Errorf("model bundle %s: %w", bundle.Source, err)
	}
	vocabulary, err := vocabularyOf(tokens)
	if err != nil {
		return nil, fmt.Errorf("model bundle %s: %w", bundle.Source, err)
	}
	parts := &engineParts{bundle: bundle, library: library, flags: flags, vocabulary: vocabulary}
	denoiser, err := parts.denoiser()
	if err != nil {
		parts.close()
		return nil, err
	}
	decoding := flags.decoding
	decoding.Calibration = (*infill.Calibration)(bundle.Manifest.Calibration)
	filler := infill.New(denoiser, tokens, decoding)
	return &engine{
		Filler:   filler,
		Denoiser: denoiser,
		Name:     bundle.Manifest.Name,
		Tokens:   tokens,
		Sizes:    filler.Sizes,
		Library:  library,
		Version:  parts.version,
		Device:   parts.device,
		Fused:    parts.fused != nil,
		Warning:  parts.warning,
		failure:  parts.failure,
		close:    parts.close,
	}, nil
}

// vocabularyOf looks up the special tokens of docs/model.md.
func vocabularyOf(tokens *tokenizer.Tokenizer) (infill.Vocabulary, error) {
	v := infill.Vocabulary{Size: tokens.Size(), Lang: map[string]infill.Token{}}
	places := map[string]*infill.Token{
		"pad": &v.Pad, "mask": &v.Mask, "delete": &v.Delete, "hole": &v.Hole,
		"cut": &v.Cut, "eof": &v.EOF, "snippet": &v.Snippet, "code": &v.Code,
	}
	for name, place := range places {
		id, ok := tokens.ID("<|" + name + "|>")
		if !ok {
			return v, fmt.Errorf("its tokenizer has no <|%s|> token: use a model and a program of the same release", name)
		}
		*place = id
	}
	for _, lang := range grammars.All() {
		if id, ok := tokens.ID("<|" + lang.ID() + "|>"); ok {
			v.Lang[lang.ID()] = id
		}
	}
	return v, nil
}
