import VecDB

/// What tuning found, for people.
func tuningText(_ tuning: Tuning) -> String {
    let k = tuning.best.k
    var table = TableOutput([
        .left(""), .right("leaves"), .right("reorder"), .right("recall@\(k)"), .right("mean_us"),
    ])
    func add(_ setting: SearchDefaults, _ mark: String) {
        table.add([
            mark, grouped(setting.leavesToSearch), grouped(setting.reorder), fixed(setting.recall, 4),
            setting.meanUs.map { fixed($0, 1) } ?? "–",
        ])
    }
    let mark = tuning.generation != nil ? "stored" : tuning.isReached ? "best" : "nearest"
    add(tuning.best, mark)
    for setting in tuning.others { add(setting, "") }
    table.add(["brute force", "all", "all", "", fixed(tuning.exactMeanUs, 1)])
    var lines = [trimmingFinalNewline(table.rendered())]
    if let generation = tuning.generation {
        lines.append("generation \(generation)")
        lines.append(settingsText(tuning.settings, defaults: nil))
    } else if !tuning.isReached {
        lines.append(
            "recall@\(k) of \(tuning.targetRecall) is out of reach of this build: its tree has \(fixed(tuning.best.recall, 4)) "
                + "with \(settingText(tuning.best)), over \(grouped(tuning.best.sampleQueries)) queries; nothing was stored"
        )
    }
    return lines.joined(separator: "\n")
}
