package format

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"slices"
)

// This file walks the pages of a bbolt file, damaged or not, without bbolt.

// A span is a range of keys of a bucket: from, and up to but not at, until. Nil is
// no bound.
type span struct{ from, until []byte }

func (s span) has(key []byte) bool {
	return bytes.Compare(key, s.from) >= 0 && (s.until == nil || bytes.Compare(key, s.until) < 0)
}

// A tree is what could be walked of a bbolt file. The format is that of bbolt's
// internal/common: little-endian, pages of a fixed size, each with its own number
// in its first eight bytes.
type tree struct {
	data     []byte
	seal     seal
	reach    reach
	current  bool // nothing newer was ever committed
	seen     map[uint64]bool
	records  map[Place]foundRecord
	holes    []span // of the root bucket
	oldHoles []span // of bucket q, where a file of an older version has its records
	sequence uint64
	meta     map[string][]byte
	state    State
	commit   uint64 // of the state; 0: there was none
}

const (
	pageHead     = 16 // id 8, flags 2, count 2, overflow 4
	elementSize  = 16
	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagBucket   = 0x01 // of a leaf's element: the value is a bucket
	bucketHead   = 16   // root page 8 (0: the page follows), sequence 8
	metaMagic    = 0xED0CDAED
	metaVersion  = 2
	metaLength   = 64  // up to the checksum, FNV-1a of 64 bits
	deepest      = 100 // a tree of a station's size has four levels
	metaRoot     = 16  // offsets in a meta
	metaTransact = 48
)

// newestTree walks the newest tree. Both meta pages together say where it begins.
// Where one is lost it is the page from which a whole tree grows with the newest
// state that was ever written; else nothing is certain.
func newestTree(data []byte, s seal, commit uint64) *tree {
	newest, root, sound := uint64(0), uint64(0), 0
	for number := range 2 {
		m, ok := metaAt(data, number)
		if !ok {
			continue
		}
		sound++
		if transaction := binary.LittleEndian.Uint64(m[metaTransact:]); transaction >= newest {
			newest, root = transaction, binary.LittleEndian.Uint64(m[metaRoot:])
		}
	}
	if sound == 2 {
		t := walk(data, s, root, everything)
		t.current = true
		return t
	}
	for number := range uint64(len(data) / PageSize) {
		page := data[number*PageSize:][:PageSize]
		if binary.LittleEndian.Uint64(page) != number || !mayBeRoot(page) {
			continue
		}
		if walk(data, s, number, lastOnly).commit != commit {
			continue
		}
		t := walk(data, s, number, everything)
		if len(t.holes)+len(t.oldHoles) == 0 && len(t.meta) > 0 && t.entries() == t.state.entries() {
			t.current = true
			return t
		}
	}
	return walk(data, s, root, everything)
}

// mayBeRoot reports whether a page has the two buckets, or may lead to the one that has.
func mayBeRoot(page []byte) bool {
	if binary.LittleEndian.Uint16(page[8:]) == flagBranch {
		return true
	}
	found := 0
	return elements(page, func(flags uint32, key, _ []byte) bool {
		if flags == flagBucket && (string(key) == string(bucketQ) || string(key) == string(bucketMeta)) {
			found++
		}
		return true
	}) && found == 2
}

// A reach is how much of a tree is walked: the last of each page's children leads
// to the state.
type reach bool

const (
	everything reach = false
	lastOnly   reach = true
)

// walk reads the tree that begins at a page, as far as it is sound.
func walk(data []byte, s seal, root uint64, r reach) *tree {
	t := &tree{data: data, seal: s, reach: r, seen: make(map[uint64]bool), records: make(map[Place]foundRecord), meta: make(map[string][]byte)}
	hasQ := false
	t.pages(root, span{}, 0, func(keys span, leaf []byte) bool {
		return elements(leaf, func(flags uint32, key, value []byte) bool {
			switch {
			case flags&flagBucket == 0:
				return len(key) > 0 && key[0] == stateKey[0] && t.record(keys, key, key[1:], value)
			case len(value) < bucketHead:
				return false
			}
			switch string(key) {
			case string(bucketQ):
				hasQ = true
				t.sequence = binary.LittleEndian.Uint64(value[8:])
				t.bucket(value, t.leaf, func(keys span) { t.oldHoles = append(t.oldHoles, keys) })
			case string(bucketMeta):
				t.bucket(value, t.leafOfMeta, func(span) {})
			}
			return true
		})
	}, func(keys span) { t.holes = append(t.holes, keys) })
	if !hasQ && (t.commit == 0 || t.state.Old) {
		t.oldHoles = []span{{}} // it may be of an older version
	}
	return t
}

// metaAt returns the meta of page 0 or 1, if it is sound.
func metaAt(data []byte, number int) ([]byte, bool) {
	if len(data) < (number+1)*PageSize {
		return nil, false
	}
	m := data[number*PageSize+pageHead:]
	sum := fnv.New64a()
	sum.Write(m[:metaLength-8])
	return m, binary.LittleEndian.Uint32(m) == metaMagic &&
		binary.LittleEndian.Uint32(m[4:]) == metaVersion &&
		binary.LittleEndian.Uint32(m[8:]) == PageSize &&
		binary.LittleEndian.Uint64(m[metaLength-8:]) == sum.Sum64()
}

// bucket walks a bucket, which has pages of its own or one that follows its head.
func (t *tree) bucket(value []byte, leaf func(span, []byte) bool, hole func(span)) {
	if root := binary.LittleEndian.Uint64(value); root != 0 {
		t.pages(root, span{}, 0, leaf, hole)
		return
	}
	if !leaf(span{}, value[bucketHead:]) {
		hole(span{})
	}
}

// pages walks a page and those below it. A page that is not what it says it is, or
// that leaf refuses, is a hole.
func (t *tree) pages(number uint64, keys span, depth int, leaf func(span, []byte) bool, hole func(span)) {
	page, flags, ok := t.page(number)
	switch {
	case !ok || depth > deepest:
		hole(keys)
	case flags == flagLeaf:
		if !leaf(keys, page) {
			hole(keys)
		}
	case flags == flagBranch:
		children, ok := branches(page)
		if !ok {
			hole(keys)
			return
		}
		for i, c := range children {
			if t.reach == lastOnly && i+1 < len(children) {
				continue
			}
			below := span{c.key, keys.until}
			if i == 0 {
				below.from = keys.from
			}
			if i+1 < len(children) {
				below.until = children[i+1].key
			}
			t.pages(c.page, below, depth+1, leaf, hole)
		}
	default:
		hole(keys)
	}
}

// page returns a page with its overflow, if its head is that of this page and
// nobody came here before.
func (t *tree) page(number uint64) (page []byte, flags uint16, ok bool) {
	if number < 2 || number >= uint64(len(t.data)/PageSize) || t.seen[number] {
		return nil, 0, false
	}
	t.seen[number] = true
	page = t.data[number*PageSize:]
	size := (uint64(binary.LittleEndian.Uint32(page[12:])) + 1) * PageSize
	if binary.LittleEndian.Uint64(page) != number || size > uint64(len(page)) {
		return nil, 0, false
	}
	return page[:size], binary.LittleEndian.Uint16(page[8:]), true
}

// A branch is one element of a branch page.
type branch struct {
	key  []byte
	page uint64
}

func branches(page []byte) ([]branch, bool) {
	count := int(binary.LittleEndian.Uint16(page[10:]))
	var all []branch
	for i := range count {
		at := pageHead + i*elementSize
		if at+elementSize > len(page) {
			return nil, false
		}
		element := page[at:]
		key, ok := within(element, binary.LittleEndian.Uint32(element), binary.LittleEndian.Uint32(element[4:]))
		if !ok || i > 0 && bytes.Compare(key, all[i-1].key) <= 0 {
			return nil, false
		}
		all = append(all, branch{key, binary.LittleEndian.Uint64(element[8:])})
	}
	return all, count > 0
}

// elements calls each with the elements of a leaf, and reports whether all of it
// was sound and to each's liking.
func elements(page []byte, each func(flags uint32, key, value []byte) bool) bool {
	if len(page) < pageHead || binary.LittleEndian.Uint16(page[8:]) != flagLeaf {
		return false
	}
	sound := true
	for i := range int(binary.LittleEndian.Uint16(page[10:])) {
		at := pageHead + i*elementSize
		if at+elementSize > len(page) {
			return false
		}
		element := page[at:]
		pos, size := binary.LittleEndian.Uint32(element[4:]), binary.LittleEndian.Uint32(element[8:])
		key, ok := within(element, pos, size)
		if !ok {
			sound = false
			continue
		}
		value, ok := within(element, pos+size, binary.LittleEndian.Uint32(element[12:]))
		if !ok || !each(binary.LittleEndian.Uint32(element), key, value) {
			sound = false
		}
	}
	return sound
}

// within returns the bytes that stand pos after the beginning of an element.
func within(element []byte, pos, size uint32) ([]byte, bool) {
	end := uint64(pos) + uint64(size)
	if end > uint64(len(element)) {
		return nil, false
	}
	return element[pos:end], true
}

// leaf takes the records of a leaf of bucket q up: those that are what was written
// at their key.
func (t *tree) leaf(keys span, page []byte) bool {
	return elements(page, func(flags uint32, key, value []byte) bool {
		return flags == 0 && t.record(keys, key, key, value)
	})
}

// record takes a record up, if it is what was written at its key; old is the key that bucket q
// would have.
func (t *tree) record(keys span, key, old, value []byte) bool {
	r, err := t.seal.parseAny(value)
	if err != nil || !bytes.Equal(old, r.Place.oldKey()) || !keys.has(key) {
		return false
	}
	if r.Place != statePlace {
		t.records[r.Place] = foundRecord{Record: r, inTree: true}
		return true
	}
	if r.commit < t.commit {
		return true
	}
	t.commit = r.commit
	return r.read(&t.state) == nil
}

func (t *tree) leafOfMeta(_ span, page []byte) bool {
	return elements(page, func(_ uint32, key, value []byte) bool {
		t.meta[string(key)] = value
		return true
	})
}

// missing reports whether the page of a place could not be read.
func (t *tree) missing(at Place) bool {
	return slices.ContainsFunc(t.holes, func(s span) bool { return s.has(at.key()) }) ||
		slices.ContainsFunc(t.oldHoles, func(s span) bool { return s.has(at.oldKey()) })
}

func (t *tree) entries() (n int) {
	for _, f := range t.records {
		if f.Kind == KindEntry {
			n++
		}
	}
	return n
}
