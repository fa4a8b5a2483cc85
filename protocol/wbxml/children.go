package wbxml

// Children lists the tags of the elements at the top of kept content, in their
// order. What they hold is left out.
func Children(raw Raw) ([]Tag, error) {
	if len(raw) < 2 {
		return nil, nil
	}
	r := reader{b: raw[2:], page: raw[0], depth: 1, content: true, lim: defaultLimits()}
	if len(raw) > r.lim.bytes {
		return nil, ErrTooLarge
	}
	var tags []Tag
	for {
		ev, err := r.next()
		if err != nil {
			return nil, err
		}
		switch ev {
		case evEOF:
			return tags, nil
		case evOpen, evEmpty:
			tags = append(tags, r.tag)
			if ev == evOpen {
				if err := r.skip(); err != nil {
					return nil, err
				}
			}
		case evClose:
			if r.depth == 0 {
				return tags, nil
			}
		}
	}
}
