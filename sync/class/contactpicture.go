package class

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/draw"
	_ "image/gif" // what photos in cards are
	"image/jpeg"
	_ "image/png"

	"martlet/mail/vcard"
)

// Limits of pictures. An element has at most 48 KB of base64, which are 36 KB
// (MS-ASCNTC_R381, R1021). What is larger is scaled down, if it does not take
// too much to read.
const (
	maxPicture       = 48 << 10 // of base64
	maxPhotoBytes    = 4 << 20
	maxPhotoPixels   = 4 << 20
	pictureSide      = 288 // of what is scaled down at first
	smallestPicture  = 48
	pictureQuality   = 85
	pictureShrinking = 3 // by a third each time
)

// picture is the card's photo as the element has it, empty for none or for one
// that no phone can be given.
func picture(card *vcard.Card) string {
	for i := range card.Properties {
		p := &card.Properties[i]
		if p.Name != "PHOTO" || p.Value == "" {
			continue
		}
		data, _, ok := p.Binary()
		if !ok {
			continue
		}
		if base64.StdEncoding.EncodedLen(len(data)) <= maxPicture {
			return base64.StdEncoding.EncodeToString(data)
		}
		return base64.StdEncoding.EncodeToString(shrink(data))
	}
	return ""
}

// shrink makes a JPEG that a phone may be given of a photo that is too large;
// nil where that cannot be done, or would take too much.
func shrink(data []byte) []byte {
	if len(data) > maxPhotoBytes {
		return nil
	}
	head, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || head.Width <= 0 || head.Height <= 0 || head.Width > maxPhotoPixels/head.Height {
		return nil
	}
	photo, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	src := image.NewRGBA(image.Rect(0, 0, photo.Bounds().Dx(), photo.Bounds().Dy()))
	draw.Draw(src, src.Bounds(), image.White, image.Point{}, draw.Src) // behind what is transparent
	draw.Draw(src, src.Bounds(), photo, photo.Bounds().Min, draw.Over)
	turned := orientation(data)
	for side := pictureSide; side >= smallestPicture; side -= side / pictureShrinking {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, upright(scale(src, side), turned), &jpeg.Options{Quality: pictureQuality}); err != nil {
			return nil
		}
		if base64.StdEncoding.EncodedLen(b.Len()) <= maxPicture {
			return b.Bytes()
		}
	}
	return nil
}

// scale makes an image whose longer side is no longer than side: each pixel is
// the mean of those that it stands for.
func scale(src *image.RGBA, side int) *image.RGBA {
	w, h := src.Bounds().Dx(), src.Bounds().Dy()
	if w <= side && h <= side {
		return src
	}
	dw, dh := side, max(1, h*side/w)
	if h > w {
		dw, dh = max(1, w*side/h), side
	}
	dst := image.NewRGBA(image.Rect(0, 0, dw, dh))
	for y := range dh {
		top, bottom := y*h/dh, max((y+1)*h/dh, y*h/dh+1)
		for x := range dw {
			left, right := x*w/dw, max((x+1)*w/dw, x*w/dw+1)
			var r, g, b, n uint64
			for sy := top; sy < bottom; sy++ {
				row := src.Pix[sy*src.Stride+left*4 : sy*src.Stride+right*4]
				for i := 0; i < len(row); i += 4 {
					r, g, b, n = r+uint64(row[i]), g+uint64(row[i+1]), b+uint64(row[i+2]), n+1
				}
			}
			i := y*dst.Stride + x*4
			dst.Pix[i], dst.Pix[i+1], dst.Pix[i+2], dst.Pix[i+3] = uint8(r/n), uint8(g/n), uint8(b/n), 0xff
		}
	}
	return dst
}

// isImage tells the media type of a picture by its first bytes; false for what
// no client sends.
func isImage(data []byte) (media string, ok bool) {
	for _, kind := range [...]struct{ head, media string }{
		{"\xff\xd8\xff", "image/jpeg"}, {"\x89PNG", "image/png"}, {"GIF8", "image/gif"}, {"BM", "image/bmp"},
	} {
		if bytes.HasPrefix(data, []byte(kind.head)) {
			return kind.media, true
		}
	}
	return "image/jpeg", false
}
