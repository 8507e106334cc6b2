# Built in layers that change ever more often: the tools, what Sotto is built from, Sotto itself.
# Plain Dockerfile syntax only, so that builders without BuildKit do as well.

FROM rust:1.95-slim-bookworm AS tools
WORKDIR /src

# Only what decides on the dependencies: the manifests, and empty files for what they name. Whatever
# else changes, this stage comes out the same, and what is built from it stays cached.
FROM tools AS manifests
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock ! -path '*/benches/*.rs' -delete \
 && find . -type d -empty -delete \
 && find . -name '*.rs' -exec truncate --size=0 {} + \
 && find . -mindepth 2 -name Cargo.toml -execdir mkdir src \; -execdir touch src/lib.rs \; \
 && rm crates/bootstrap/src/lib.rs \
 && echo 'fn main() {}' > crates/bootstrap/src/main.rs

FROM tools AS build
ARG PROFILE=release
COPY --from=manifests /src .
RUN cargo build --locked --package bootstrap --profile "$PROFILE"
COPY crates crates
# Newer than the empty sources, whatever their age: Cargo goes by time.
RUN find crates -type f -exec touch {} + \
 && cargo build --locked --package bootstrap --profile "$PROFILE" \
 && cp "target/$([ "$PROFILE" = dev ] && echo debug || echo "$PROFILE")/sotto" /usr/local/bin/sotto

FROM debian:bookworm-slim
# Whom to trust when it speaks TLS, with mail servers above all.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/local/bin/sotto /usr/local/bin/sotto
# Numbers, because the name is known only here. A new volume takes over the folder's owner.
RUN install --directory --owner=10001 --group=10001 --mode=0700 /data \
 && install --directory --owner=10001 --group=10001 /static /media
USER 10001:10001
# Without MongoDB: for a volume.
ENV SOTTO_DATA_DIR=/data
EXPOSE 8000
# Sotto stops by itself within 10 s of this.
STOPSIGNAL SIGTERM
ENTRYPOINT ["sotto"]
CMD ["serve"]
