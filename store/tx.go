package store

import "iter"

// Tx is one transaction, valid until the function it was given to returns.
type Tx struct{}

// KV is one row of a scan.
type KV struct{ Key, Value []byte }

// Range says which rows a scan visits: those that begin with Prefix and lie in
// the half-open interval [From, To), both full keys, nil for no bound.
type Range struct {
	Prefix   []byte
	From, To []byte
	Reverse  bool // from the highest key down
	KeysOnly bool // leave Value nil
}

func (tx *Tx) Get(key []byte) ([]byte, error)      { panic("soon") }
func (tx *Tx) Set(key, value []byte) error         { panic("soon") }
func (tx *Tx) Delete(key []byte) error             { panic("soon") }
func (tx *Tx) Writable() bool                      { panic("soon") }
func (tx *Tx) Scan(r Range) iter.Seq2[KV, error]   { panic("soon") }
func (tx *Tx) OnCommit(fn func())                  { panic("soon") }
func (tx *Tx) Next(counter string) (uint64, error) { panic("soon") }
