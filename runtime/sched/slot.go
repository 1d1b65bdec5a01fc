package sched

import (
	"slices"

	"github.com/lacuna-dev/lacuna/infill"
)

// stream is one encoded side of a document: kv holds the keys and values of
// exactly the tokens in tokens.
type stream struct {
	tokens []infill.Token
	kv     []float32
}

// slot is a pair of streams. While pins is above zero the tokens it has stay
// where they are; the request that fills it may append.
type slot struct {
	document    string
	left, right stream
	pins        int
	filling     bool  // one request is appending to it
	used        int64 // the Scheduler's clock when it was last taken or released
}

// shared counts the tokens that a and b have in common from the beginning.
func shared(a, b []infill.Token) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func (sl *slot) shared(left, right []infill.Token) int {
	return shared(sl.left.tokens, left) + shared(sl.right.tokens, right)
}

// holds tells whether the slot is exactly left and right, and complete.
func (sl *slot) holds(left, right []infill.Token) bool {
	return !sl.filling && slices.Equal(sl.left.tokens, left) && slices.Equal(sl.right.tokens, right)
}

func (sl *slot) bytes() int64 { return 4 * int64(cap(sl.left.kv)+cap(sl.right.kv)) }

// truncate keeps the first n tokens.
func (st *stream) truncate(n, perToken int) {
	st.tokens = st.tokens[:n]
	st.kv = st.kv[:n*perToken]
}

// reserve makes room for n tokens.
func (st *stream) reserve(n, perToken int) {
	if cap(st.kv) >= n*perToken {
		return
	}
	// A quarter more than asked: typing grows a stream a token at a time.
	kv := make([]float32, len(st.kv), (n+n/4)*perToken)
	copy(kv, st.kv)
	st.kv = kv
}

// become takes over from other what it shares with tokens.
func (st *stream) become(other *stream, tokens []infill.Token, perToken int) {
	n := shared(other.tokens, tokens)
	st.truncate(0, perToken)
	st.reserve(len(tokens), perToken)
	st.tokens = append(st.tokens, other.tokens[:n]...)
	st.kv = append(st.kv, other.kv[:n*perToken]...)
}

// take returns a pinned slot cut back to what it shares with left and right,
// and whether the caller has to fill it.
//
// A slot of the same document that is not in use is cut back in place. Slots
// of other documents and slots in use are never cut: what they share is
// copied, which costs little beside computing it.
func (s *Scheduler) take(document string, left, right []infill.Token) (sl *slot, fill bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	perToken := s.model.TokenFloats()
	best := s.nearest(document, left, right)
	switch {
	case best == nil:
		sl = s.blank(document)
	case best.holds(left, right):
		s.pin(best)
		return best, false
	case best.pins == 0 && best.document == document:
		sl = best
		sl.left.truncate(shared(sl.left.tokens, left), perToken)
		sl.right.truncate(shared(sl.right.tokens, right), perToken)
	default:
		sl = s.blank(document)
		sl.left.become(&best.left, left, perToken)
		sl.right.become(&best.right, right, perToken)
	}
	sl.filling = true
	s.pin(sl)
	return sl, true
}

// nearest returns the slot that shares most with left and right; among equals
// one of the same document, one not in use, then the one used last. It returns
// nil when nothing is shared and the document has no idle slot.
func (s *Scheduler) nearest(document string, left, right []infill.Token) *slot {
	var best *slot
	var most [4]int64
	for _, sl := range s.slots {
		rank := [4]int64{int64(sl.shared(left, right)), 0, 0, sl.used}
		if sl.document == document {
			rank[1] = 1
		}
		if sl.pins == 0 {
			rank[2] = 1
		}
		useful := rank[0] > 0 || rank[1] == 1 && rank[2] == 1
		if useful && (best == nil || slices.Compare(rank[:], most[:]) > 0) {
			best, most = sl, rank
		}
	}
	return best
}

// blank returns an empty slot for document: its own idle one, for one document
// needs no two, or a new one.
func (s *Scheduler) blank(document string) *slot {
	for _, sl := range s.slots {
		if sl.document == document && sl.pins == 0 {
			sl.left.truncate(0, s.model.TokenFloats())
			sl.right.truncate(0, s.model.TokenFloats())
			return sl
		}
	}
	sl := &slot{document: document}
	if !s.closed {
		s.slots = append(s.slots, sl)
	}
	return sl
}

func (s *Scheduler) pin(sl *slot) {
	s.clock++
	sl.used = s.clock
	sl.pins++
}

// release undoes one pin and evicts what the budget no longer holds.
func (s *Scheduler) release(sl *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock++
	sl.used = s.clock
	sl.pins--
	s.evict()
}

// evict drops idle slots, the longest unused first, until the rest fits the
// budget. s.mu must be held.
func (s *Scheduler) evict() {
	var total int64
	for _, sl := range s.slots {
		total += sl.bytes()
	}
	for total > s.memory {
		oldest := -1
		for i, sl := range s.slots {
			if sl.pins == 0 && (oldest < 0 || sl.used < s.slots[oldest].used) {
				oldest = i
			}
		}
		if oldest < 0 {
			return
		}
		total -= s.slots[oldest].bytes()
		s.slots = slices.Delete(s.slots, oldest, oldest+1)
	}
}
