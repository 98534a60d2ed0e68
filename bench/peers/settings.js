// As the default settings.js writes it, plus what an integrator turns on.
module.exports = {
    flowFile: "flows.json",
    uiHost: "127.0.0.1",
    uiPort: Number(process.env.PORT),
    diagnostics: { enabled: true, ui: true },
    runtimeState: { enabled: false, ui: false },
    telemetry: { enabled: false },
    logging: { console: { level: "info", metrics: false, audit: false } },
    httpRequestTimeout: 10000,
    exportGlobalContextKeys: false,
    functionExternalModules: true,
    functionTimeout: 0,
    debugMaxLength: 1000,
};
