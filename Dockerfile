# One image for every component; docker-compose.yml says which one a container runs.
ARG NODE_IMAGE=node:20-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /drydock
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /drydock
COPY --from=build /drydock/package.json ./
COPY --from=build /drydock/node_modules ./node_modules
COPY --from=build /drydock/dist/bin ./dist/bin
ENTRYPOINT ["node"]
