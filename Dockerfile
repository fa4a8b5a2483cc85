# One static binary on an empty image.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /martlet ./cmd/martlet \
 && mkdir -p /rootfs/var/lib/martlet /rootfs/etc/martlet

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /martlet /usr/bin/martlet
COPY --from=build /rootfs/ /
VOLUME ["/etc/martlet", "/var/lib/martlet"]
EXPOSE 25 443 465 587 993
ENTRYPOINT ["/usr/bin/martlet"]
CMD ["serve", "-c", "/etc/martlet/martlet.toml"]
