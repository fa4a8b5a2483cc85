package wbxml

func Marshal(v any) ([]byte, error)                   { return nil, nil }
func AppendMarshal(dst []byte, v any) ([]byte, error) { return nil, nil }
func Unmarshal(b []byte, v any) error                 { return nil }
func MarshalRaw(v any) (Raw, error)                   { return nil, nil }
func UnmarshalRaw(r Raw, v any) error                 { return nil }
func Dump(b []byte) string                            { return "" }
