package document

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/lacuna-dev/lacuna/grammars"
)

// maxJournal is the number of edits that are remembered for an incremental
// parse. Beyond it a parse from scratch is about as cheap, and a document that
// nobody asks about must not collect edits for ever.
const maxJournal = 512

// parser keeps the tree of the last parse and the edits made since.
type parser struct {
	mu     sync.Mutex     // guards held and seq; held while parsing
	held   *grammars.Tree // nil before the first parse
	seq    uint64         // of the snapshot that held belongs to
	closed atomic.Bool    // no tree may be kept any more

	journalMu sync.Mutex // guards journal; never held while parsing, so that an edit never waits
	journal   []entry    // changes after some snapshot, oldest first, without a gap
}

// entry is what led from the snapshot before seq to seq.
type entry struct {
	seq   uint64
	edits []grammars.Edit
	whole bool // the text was replaced, the edits do not tell everything
}

// record notes a change. It is called on the read loop.
func (p *parser) record(seq uint64, edits []grammars.Edit, whole bool) {
	p.journalMu.Lock()
	defer p.journalMu.Unlock()
	if len(p.journal) == maxJournal || whole {
		p.journal = nil
	}
	p.journal = append(p.journal, entry{seq: seq, edits: edits, whole: whole})
}

// since returns the edits that lead from one snapshot to another, and forgets
// those that no later parse can need. ok is false when they do not tell the
// whole story.
func (p *parser) since(from, to uint64) (edits []grammars.Edit, ok bool) {
	p.journalMu.Lock()
	defer p.journalMu.Unlock()
	ok = true
	next, used := from+1, 0
	for _, e := range p.journal {
		if e.seq > to {
			break
		}
		used++
		if e.seq <= from {
			continue
		}
		if e.seq != next || e.whole {
			ok = false
		}
		edits = append(edits, e.edits...)
		next++
	}
	p.journal = p.journal[used:]
	return edits, ok && next == to+1
}

// tree brings the held tree to s and returns a copy.
func (p *parser) tree(s *Snapshot) (*grammars.Tree, error) {
	defer p.sweep()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return nil, ErrClosed
	}
	if p.held != nil && p.seq > s.seq {
		return nil, ErrModified
	}
	if p.held == nil || p.seq < s.seq {
		if err := p.advance(s); err != nil {
			return nil, err
		}
	}
	return p.held.Copy(), nil
}

// advance parses s; mu is held.
func (p *parser) advance(s *Snapshot) error {
	tree, err := p.parse(s)
	if err != nil {
		return fmt.Errorf("parse %s: %w", s.URI, err)
	}
	if p.held != nil {
		p.held.Close()
	}
	p.held, p.seq = tree, s.seq
	tree.Holes() // who asks for a copy wants them: copies share what is found here
	return nil
}

func (p *parser) parse(s *Snapshot) (*grammars.Tree, error) {
	edits, ok := p.since(p.seq, s.seq)
	if p.held != nil && ok {
		return p.held.Update(s.Text.Bytes(), edits...)
	}
	return grammars.Parse(s.Language, s.Text.Bytes())
}

// close lets go of the tree, now or, when a parse is under way, at its end.
func (p *parser) close() {
	p.closed.Store(true)
	p.sweep()
}

// sweep closes the tree of a closed document. Whoever holds mu sweeps after
// letting go of it, so that one of the two sees the other.
func (p *parser) sweep() {
	if !p.closed.Load() || !p.mu.TryLock() {
		return
	}
	defer p.mu.Unlock()
	if p.held != nil {
		p.held.Close()
		p.held = nil
	}
}
