package class

import (
	"bytes"
	"encoding/binary"
	"image"
)

// maxMarkers bounds how many segments of a JPEG are looked at for its
// orientation, and entries of its list.
const maxMarkers = 64

// orientation is how a JPEG is to be turned (EXIF 2.3, tag 0x0112): 1 not at all.
// Cameras write pictures as their sensors lie; what is scaled has no such note.
func orientation(data []byte) int {
	if !bytes.HasPrefix(data, []byte{0xff, 0xd8}) {
		return 1
	}
	data = data[2:]
	for range maxMarkers {
		if len(data) < 4 || data[0] != 0xff {
			return 1
		}
		size := int(binary.BigEndian.Uint16(data[2:]))
		if size < 2 || len(data) < 2+size {
			return 1
		}
		body := data[4 : 2+size]
		switch data[1] {
		case 0xe1:
			if tiff, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00")); ok {
				return exifOrientation(tiff)
			}
		case 0xda: // the picture itself
			return 1
		}
		data = data[2+size:]
	}
	return 1
}

func exifOrientation(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if tiff[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 1
	}
	list := tiff[at:]
	for i := range min(int(order.Uint16(list)), maxMarkers) {
		if len(list) < 2+12*(i+1) {
			return 1
		}
		entry := list[2+12*i:]
		if order.Uint16(entry) == 0x0112 {
			if n := int(order.Uint16(entry[8:])); n >= 1 && n <= 8 {
				return n
			}
			return 1
		}
	}
	return 1
}

// upright turns an image so that it needs no orientation any more.
func upright(src *image.RGBA, orientation int) *image.RGBA {
	if orientation <= 1 {
		return src
	}
	w, h := src.Bounds().Dx(), src.Bounds().Dy()
	dw, dh := w, h
	if orientation >= 5 {
		dw, dh = h, w
	}
	dst := image.NewRGBA(image.Rect(0, 0, dw, dh))
	for y := range dh {
		for x := range dw {
			sx, sy := x, y
			switch orientation {
			case 2:
				sx = w - 1 - x
			case 3:
				sx, sy = w-1-x, h-1-y
			case 4:
				sy = h - 1 - y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, h-1-x
			case 7:
				sx, sy = w-1-y, h-1-x
			case 8:
				sx, sy = w-1-y, x
			}
			copy(dst.Pix[y*dst.Stride+x*4:][:4], src.Pix[sy*src.Stride+sx*4:][:4])
		}
	}
	return dst
}
