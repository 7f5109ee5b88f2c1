package altertable.conformance;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.types.pojo.Schema;

/** The data of a step, in batches of so many rows. */
record Upload(Schema schema, List<Object> rows, int batchRows) {
  static Upload of(Map<String, Object> step) {
    var fields = Data.texts(step.get("columns")).stream().map(Notation::read).toList();
    return new Upload(new Schema(fields), Data.asList(step.get("rows")), Data.asInt(step.getOrDefault("batch_rows", Integer.MAX_VALUE)));
  }

  /** All rows as one batch. */
  VectorSchemaRoot whole(BufferAllocator allocator) {
    var root = VectorSchemaRoot.create(schema, allocator);
    fill(root, rows);
    return root;
  }

  private static void fill(VectorSchemaRoot root, List<Object> rows) {
    root.allocateNew();
    for (int column = 0; column < root.getFieldVectors().size(); column++) {
      for (int i = 0; i < rows.size(); i++) {
        Cells.set(root.getVector(column), i, Data.asList(rows.get(i)).get(column));
      }
    }
    root.setRowCount(rows.size());
  }

  /** As Arrow IPC: a file, or a stream. */
  byte[] bytes(BufferAllocator allocator, boolean file) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var root = VectorSchemaRoot.create(schema, allocator);
        var writer = file
            ? new ArrowFileWriter(root, null, Channels.newChannel(bytes))
            : new ArrowStreamWriter(root, null, Channels.newChannel(bytes))) {
      writer.start();
      for (int start = 0, end; start < rows.size(); start = end) {
        end = rows.size() - start > batchRows ? start + batchRows : rows.size();
        fill(root, rows.subList(start, end));
        writer.writeBatch();
      }
      writer.end();
    }
    return bytes.toByteArray();
  }

  /** What an Arrow stream holds. */
  static Map<String, Object> read(byte[] stream, BufferAllocator allocator) {
    try (var reader = new ArrowStreamReader(new ByteArrayInputStream(stream), allocator)) {
      var rows = new ArrayList<>();
      while (reader.loadNextBatch()) {
        rows.addAll(Values.rows(reader.getVectorSchemaRoot()));
      }
      return Data.map("schema", Notation.schema(reader.getVectorSchemaRoot().getSchema()), "rows", rows);
    } catch (IOException malformed) {
      return Data.map("malformed", malformed.getMessage());
    }
  }
}
