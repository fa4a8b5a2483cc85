package store

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// ErrBadKey is returned by the Parse functions for bytes that their Append
// function did not write.
var ErrBadKey = errors.New("store: malformed key")

// AppendUint32 appends v big-endian, so that byte order is number order.
func AppendUint32(dst []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(dst, v) }

// ParseUint32 reads what AppendUint32 wrote and returns the rest.
func ParseUint32(b []byte) (uint32, []byte, error) {
	if len(b) < 4 {
		return 0, nil, ErrBadKey
	}
	return binary.BigEndian.Uint32(b), b[4:], nil
}

// AppendUint64 appends v big-endian, so that byte order is number order.
func AppendUint64(dst []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(dst, v) }

// ParseUint64 reads what AppendUint64 wrote and returns the rest.
func ParseUint64(b []byte) (uint64, []byte, error) {
	if len(b) < 8 {
		return 0, nil, ErrBadKey
	}
	return binary.BigEndian.Uint64(b), b[8:], nil
}

// AppendInt64 appends v big-endian with its sign bit flipped, so that byte
// order is number order for negative numbers too.
func AppendInt64(dst []byte, v int64) []byte { return AppendUint64(dst, uint64(v)^1<<63) }

// ParseInt64 reads what AppendInt64 wrote and returns the rest.
func ParseInt64(b []byte) (int64, []byte, error) {
	v, rest, err := ParseUint64(b)
	return int64(v ^ 1<<63), rest, err
}

// AppendString appends s so that byte order is string order whatever follows:
// a zero byte is written as 00 FF, and 00 01 ends the string.
func AppendString(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = append(dst, s[i])
		if s[i] == 0 {
			dst = append(dst, 0xff)
		}
	}
	return append(dst, 0, 1)
}

// ParseString reads what AppendString wrote and returns the rest.
func ParseString(b []byte) (string, []byte, error) {
	i := bytes.IndexByte(b, 0)
	if i >= 0 && i+1 < len(b) && b[i+1] == 1 { // nothing escaped, the common case
		return string(b[:i]), b[i+2:], nil
	}
	var out []byte
	for i >= 0 && i+1 < len(b) {
		out = append(out, b[:i]...)
		switch b[i+1] {
		case 1:
			return string(out), b[i+2:], nil
		case 0xff:
			out = append(out, 0)
		default:
			return "", nil, ErrBadKey
		}
		b = b[i+2:]
		i = bytes.IndexByte(b, 0)
	}
	return "", nil, ErrBadKey
}

// End returns nil when a key was parsed to its end and ErrBadKey otherwise.
func End(rest []byte) error {
	if len(rest) != 0 {
		return ErrBadKey
	}
	return nil
}

// whole turns a Parse function that returns the rest into one for a Codec.
func whole[T any](parse func([]byte) (T, []byte, error)) func([]byte) (T, error) {
	return func(b []byte) (T, error) {
		v, rest, err := parse(b)
		if err == nil {
			err = End(rest)
		}
		return v, err
	}
}

// Uint32Key is the codec of a key that is one number.
func Uint32Key[T ~uint32]() Codec[T] {
	return Codec[T]{
		Append: func(dst []byte, v T) []byte { return AppendUint32(dst, uint32(v)) },
		Parse: whole(func(b []byte) (T, []byte, error) {
			v, rest, err := ParseUint32(b)
			return T(v), rest, err
		}),
	}
}

// Uint64Key is the codec of a key that is one number.
func Uint64Key[T ~uint64]() Codec[T] {
	return Codec[T]{
		Append: func(dst []byte, v T) []byte { return AppendUint64(dst, uint64(v)) },
		Parse: whole(func(b []byte) (T, []byte, error) {
			v, rest, err := ParseUint64(b)
			return T(v), rest, err
		}),
	}
}

// StringKey is the codec of a key that is one string.
func StringKey[T ~string]() Codec[T] {
	return Codec[T]{
		Append: func(dst []byte, v T) []byte { return AppendString(dst, string(v)) },
		Parse: whole(func(b []byte) (T, []byte, error) {
			v, rest, err := ParseString(b)
			return T(v), rest, err
		}),
	}
}
