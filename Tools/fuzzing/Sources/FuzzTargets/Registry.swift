import PlantedFaults

/// Every target by the name under which `Tools/fuzz` knows it.
let fuzzTargets: [String: @Sendable () throws -> any FuzzTarget] = [
    "segment": { try SegmentTarget() },
    "vectors": { try VectorsTarget() },
    "metadata": { try MetadataTarget() },
    "ids": { try IDsTarget() },
    "manifest": { try ManifestTarget() },
    "json": { JSONTarget() },
    "numbers": { NumbersTarget() },
    "documents": { try DocumentsTarget() },
    "catalog": { try CatalogTarget() },
    "planted-read": { PlantedFault(.outOfBoundsRead) },
    "planted-section": { PlantedFault(.readBehindSection) },
    "planted-trap": { PlantedFault(.trap) },
    "planted-allocation": { PlantedFault(.unboundedAllocation) },
]

extension PlantedFault: FuzzTarget {}
