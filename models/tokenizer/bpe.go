package tokenizer

// pair is two adjacent tokens, the left one in the upper half.
type pair uint64

func pairOf(left, right int32) pair { return pair(uint64(uint32(left))<<32 | uint64(uint32(right))) }

// merge is what becomes of a pair; the lowest rank goes first.
type merge struct{ rank, id int32 }

// symbol is a token of the piece in the making. Merged-away symbols stay in
// place with id -1, so that positions remain valid in the heap.
type symbol struct {
	id         int32
	prev, next int32 // indices of the neighbours, -1 at the ends
}

// candidate is a merge that was possible when it was pushed.
type candidate struct {
	rank, pos, id int32
}

// before orders candidates: lowest rank first, leftmost among equals.
func (a candidate) before(b candidate) bool {
	return a.rank < b.rank || a.rank == b.rank && a.pos < b.pos
}

// scratch is the memory of one piece's encoding, kept between pieces.
type scratch struct {
	symbols []symbol
	heap    []candidate
}

// appendBPE appends the tokens of piece: n bytes take O(n log n).
func (t *Tokenizer) appendBPE(ids []int32, piece string, s *scratch) []int32 {
	s.symbols, s.heap = s.symbols[:0], s.heap[:0]
	for i := range len(piece) {
		s.symbols = append(s.symbols, symbol{t.byteID[piece[i]], int32(i - 1), int32(i + 1)})
	}
	s.symbols[len(piece)-1].next = -1
	for i := range len(piece) - 1 {
		t.offer(s, int32(i))
	}
	for len(s.heap) > 0 {
		c := s.pop()
		left := &s.symbols[c.pos]
		if left.id < 0 || left.next < 0 {
			continue
		}
		right := &s.symbols[left.next]
		// Either side may have grown since c was pushed.
		if m, ok := t.merges[pairOf(left.id, right.id)]; !ok || m.id != c.id {
			continue
		}
		left.id, right.id = c.id, -1
		left.next = right.next
		if left.next >= 0 {
			s.symbols[left.next].prev = c.pos
			t.offer(s, c.pos)
		}
		if left.prev >= 0 {
			t.offer(s, left.prev)
		}
	}
	for i := int32(0); i >= 0; i = s.symbols[i].next {
		ids = append(ids, s.symbols[i].id)
	}
	return ids
}

// offer pushes the merge of the symbol at pos with its right neighbour, if
// there is one.
func (t *Tokenizer) offer(s *scratch, pos int32) {
	left := s.symbols[pos]
	if m, ok := t.merges[pairOf(left.id, s.symbols[left.next].id)]; ok {
		s.push(candidate{m.rank, pos, m.id})
	}
}

func (s *scratch) push(c candidate) {
	s.heap = append(s.heap, c)
	i := len(s.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !c.before(s.heap[parent]) {
			break
		}
		s.heap[i] = s.heap[parent]
		i = parent
	}
	s.heap[i] = c
}

func (s *scratch) pop() candidate {
	top := s.heap[0]
	last := s.heap[len(s.heap)-1]
	s.heap = s.heap[:len(s.heap)-1]
	n := len(s.heap)
	if n == 0 {
		return top
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		if child+1 < n && s.heap[child+1].before(s.heap[child]) {
			child++
		}
		if !s.heap[child].before(last) {
			break
		}
		s.heap[i] = s.heap[child]
		i = child
	}
	s.heap[i] = last
	return top
}
