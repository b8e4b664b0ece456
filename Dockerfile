# One image: nginx with the module and the portal, a vault and a
# render-worker.
#
#   docker build -t exposure-render .
#   docker run -p 8443:8443 -v exposure:/data exposure-render
#
# Runs without root. /data holds everything that must outlive a container;
# docs/operate.md says what to back up.

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY scripts/setup scripts/lib.sh scripts/packages.txt scripts/
RUN scripts/setup run
COPY . .
RUN bash -c '. scripts/lib.sh && use_node && locked_make all'

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
        ca-certificates curl libavcodec59 libavformat59 libavutil57 libdcmtk17 \
        libjansson4 libopenjp2-7 libseccomp2 libsodium23 libsqlite3-0 \
        libswscale6 nginx openssl perl procps util-linux zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home exposure \
    && install -d -o exposure -g exposure /data
WORKDIR /opt/exposure-render
COPY --from=build /src/conf conf
COPY --from=build /src/scripts scripts
COPY --from=build /src/portal/dist portal/dist
COPY --from=build /src/build/render-worker /src/build/exposure-import \
     /src/build/exposure-vault /src/build/exposure-admin \
     /src/build/ngx_exposure_module.so build/
USER exposure
VOLUME /data
EXPOSE 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s \
    CMD curl --silent --fail --insecure https://127.0.0.1:8443/api/v1/readyz
ENTRYPOINT ["scripts/run", "--no-build", "--no-demo", "--data", "/data"]
